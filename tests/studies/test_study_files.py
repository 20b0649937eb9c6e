"""The study files in studies/: every one can be planned, and its quick budget is small and needs no internet."""

from __future__ import annotations

from pathlib import Path

import pytest

from edgecls.networks.table import NETWORKS
from edgecls.photos import SPLITS
from edgecls.runs import ALL_LAYERS
from edgecls.samples.catalogue import CATALOGUE
from edgecls.studies.planning import Cell, data_root, plan_cells
from edgecls.studies.reading import read_study
from edgecls.studies.study import Study
from edgecls.training.classifier import layer_index

FOLDER = Path(__file__).parents[2] / "studies"
FILES = sorted(FOLDER.glob("*.toml"))
# The weights that can be had without the internet: files of scripts/make_weights.py, and packages.
MADE = {f"weights/{name}.weights.h5" for name in ("alexnet", "mobilenet_v2", "resnet50", "vgg16", "vgg19")}
PACKAGED = {"efficientnet_lite0", "efficientnet_lite1", "efficientnet_lite2"}
FETCHED = {"groceries", "cifar10", "mnist", "fashion-mnist"}
MOST_PHOTOS = 1000  # of a split, in half an hour


@pytest.fixture(params=FILES, ids=lambda path: path.stem)
def study(request: pytest.FixtureRequest) -> Study:
    return read_study(request.param)


def cells(study: Study, budget: str) -> tuple[Cell, ...]:
    return plan_cells(study, study.budgets[budget])


def test_there_is_a_study_for_each_of_the_five_documents() -> None:
    assert {path.stem for path in FILES} >= {
        "transfer-keras",
        "review-networks",
        "car-makes",
        "ships",
        "eight-data-sets",
    }


def test_every_study_has_a_quick_and_a_full_budget_with_cells(study: Study) -> None:
    assert {"quick", "full"} <= set(study.budgets)
    for budget in study.budgets:
        assert [cell.impossible for cell in cells(study, budget) if cell.impossible] == []


def test_the_quick_budget_states_its_photos(study: Study) -> None:
    photos = study.budgets["quick"].photos
    assert set(photos) == set(SPLITS)
    assert max(photos.values()) <= MOST_PHOTOS


def test_the_full_budget_leaves_out_no_photo(study: Study) -> None:
    assert not study.budgets["full"].photos


def test_the_quick_budget_needs_no_internet(study: Study) -> None:
    for cell in cells(study, "quick"):
        config = cell.config
        assert cell.root.name in FETCHED
        assert config.weights in MADE | {"none"} or config.network in PACKAGED, cell.name


def test_data_lie_where_edgecls_data_puts_them(study: Study) -> None:
    known = {entry.name for entry in CATALOGUE} | {"military"}  # photos that were never published
    assert {data_root(study, name).name for name in study.data} <= known


def test_every_figure_of_a_document_stands_beside_a_cell(study: Study) -> None:
    planned = {cell.name for budget in study.budgets for cell in cells(study, budget)}
    places = {(name.network, name.regime, name.data) for name in planned}
    for figure in study.documents:
        beside = {(figure.network, figure.regime, data) for data in (figure.data, figure.beside)}
        assert beside & places, figure


def test_regimes_from_scratch_take_no_weights(study: Study) -> None:
    for budget in study.budgets:
        for cell in cells(study, budget):
            assert (cell.config.regime == "scratch") == (cell.config.weights == "none"), cell.name


def test_the_readme_names_every_file_and_its_question(study: Study) -> None:
    page = (FOLDER / "README.md").read_text(encoding="utf-8")
    assert f"| [{study.name}.toml]({study.name}.toml) | {study.question} |" in page


def test_the_documents_keep_their_number_of_figures() -> None:
    counts = {path.stem: len(read_study(path).documents) for path in FILES}
    assert counts["eight-data-sets"] == 8 * (3 + 9)
    assert counts["transfer-keras"] == 6
    assert counts["ships"] == 4


def test_fine_tuning_starts_at_layers_that_exist() -> None:
    pytest.importorskip("keras", reason="needs the train extra")
    starts = {
        (cell.config.network, cell.config.unfreeze)
        for path in FILES
        for budget in ("quick", "full")
        for cell in cells(read_study(path), budget)
        if cell.config.unfreeze not in (None, ALL_LAYERS)
    }
    assert ("inception_v3", "mixed8") in starts
    for network, start in starts:
        assert layer_index(NETWORKS[network].build(150), start) > 0
