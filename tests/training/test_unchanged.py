"""The same inputs find the run there is; a name that is taken, or a run that was altered, is refused."""

from __future__ import annotations

import shutil
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

from edgecls.errors import EdgeclsError, ModelError, UsageError
from edgecls.files import aside
from edgecls.networks.network import Network
from edgecls.photos import DataSet
from edgecls.progress import Tick
from edgecls.runs import DOCUMENT, MODEL, TrainingConfig, read_run, run_model
from edgecls.training import train as module
from edgecls.training.run_folder import REQUEST, bring_back, choose_folder
from edgecls.training.train import TrainingResult, train

pytest.importorskip("keras", reason="needs Keras, of the train extra")
pytestmark = pytest.mark.xdist_group("training")

Config = Callable[..., TrainingConfig]
Again = Callable[..., TrainingResult]


@pytest.fixture
def again(tmp_path: Path, dataset: DataSet, config: Config, progress: Callable[..., Any]) -> Again:
    """Trains once more, with these changes of the configuration or options."""

    def run(changes: dict[str, object] | None = None, **options: Any) -> TrainingResult:
        asked = config(epochs=1, **(changes or {}))
        return train(dataset, asked, runs=tmp_path, progress=progress(), **options)

    return run


def test_the_same_inputs_again_are_found_unchanged(again: Again) -> None:
    first, second = again(), again()
    assert (first.unchanged, second.unchanged) == (False, True)
    assert (second.folder, second.record) == (first.folder, first.record)


@pytest.mark.parametrize("changes", [{"seed": 1}, {"learning_rate": 0.02}, {"balance": "weights"}])
def test_any_other_option_is_another_run(again: Again, changes: dict[str, object]) -> None:
    again()
    other = again(changes)
    assert (other.unchanged, other.folder.name) == (False, "small-tints-002")


def test_a_file_of_weights_that_was_replaced_is_another_run(
    again: Again, tmp_path: Path, small_network: Network
) -> None:
    import keras

    weights = tmp_path / "w.weights.h5"
    keras.utils.set_random_seed(1)
    small_network.build(32).save_weights(weights)
    first = again({"weights": str(weights), "regime": "head"})
    keras.utils.set_random_seed(2)
    small_network.build(32).save_weights(weights)
    second = again({"weights": str(weights), "regime": "head"})
    assert (second.unchanged, second.folder != first.folder) == (False, True)


def test_a_run_whose_model_was_deleted_is_trained_again(again: Again) -> None:
    first = again()
    (first.folder / MODEL).unlink()
    second = again()
    assert (second.unchanged, second.folder != first.folder) == (False, True)


@pytest.mark.parametrize("content", ["", "[]"])
def test_a_spoilt_request_of_another_training_is_no_obstacle(
    again: Again, tmp_path: Path, content: str
) -> None:
    (tmp_path / "other").mkdir()
    (tmp_path / "other" / REQUEST).write_text(content)
    assert again().record.status == "complete"
    with pytest.raises(UsageError, match="found no interrupted run"):
        again({"seed": 3}, resume=True)


def test_an_altered_model_is_refused_and_not_trained_over(again: Again) -> None:
    first = again()
    model = first.folder / MODEL
    model.write_bytes(model.read_bytes() + b"x")
    with pytest.raises(ModelError, match=r"model.keras: expected sha256 .* the file was changed"):
        again()
    assert [path.name for path in first.folder.parent.iterdir()] == ["small-tints-001"]


def test_a_run_of_another_version_is_passed_over(again: Again) -> None:
    first = again()
    (first.folder / DOCUMENT).write_text('{"schema": 99}')
    assert again().folder.name == "small-tints-002"


def test_force_trains_again_under_the_next_name(again: Again) -> None:
    again()
    forced = again(force=True)
    assert (forced.unchanged, forced.folder.name) == (False, "small-tints-002")


def test_a_name_that_is_taken_is_wrong_use_and_force_replaces_it(again: Again) -> None:
    again(name="mine")
    with pytest.raises(UsageError, match=r"mine exists already; choose another --name or add --force"):
        again({"seed": 1}, name="mine")
    replaced = again({"seed": 1}, name="mine", force=True)
    assert (replaced.folder.name, replaced.record.config.seed) == ("mine", 1)


def test_the_same_inputs_under_the_same_name_are_no_collision(again: Again) -> None:
    again(name="mine")
    assert again(name="mine").unchanged


@pytest.mark.parametrize("name", ["../mine", "/mine", "a/b", ".mine", "a*"])
def test_a_name_that_could_leave_the_folder_is_wrong_use(again: Again, name: str) -> None:
    with pytest.raises(UsageError, match="choose another"):
        again(name=name)


def test_the_command_says_unchanged_with_0_and_a_collision_with_2(
    tmp_path: Path,
    dataset: DataSet,
    run_command: Callable[..., int],
    capfd: pytest.CaptureFixture[str],
) -> None:
    options = ["train", str(dataset.root), "--network", "small", "--epochs", "1", "--size", "16"]
    options += ["--runs", str(tmp_path / "runs"), "--name", "mine"]
    assert run_command(*options) == 0
    capfd.readouterr()
    assert run_command(*options) == 0
    assert "unchanged" in capfd.readouterr().err
    assert run_command(*options, "--seed", "9") == 2
    said = capfd.readouterr().err
    assert "edgecls: " in said
    assert "mine exists already" in said
    assert "Traceback" not in said
    assert run_command("runs", "--runs", str(tmp_path / "runs"), "--json") == 0
    assert '"name": "mine"' in capfd.readouterr().out


def test_force_refuses_a_folder_that_is_no_run_and_leaves_its_files(again: Again, tmp_path: Path) -> None:
    (tmp_path / "mine").mkdir()
    (tmp_path / "mine" / "thesis.txt").write_text("years of work")
    with pytest.raises(UsageError, match=r"a folder with run.json or request.json to replace, found another"):
        again(name="mine", force=True)
    assert [path.name for path in tmp_path.rglob("*")] == ["mine", "thesis.txt"]


def test_force_replaces_an_unfinished_run(again: Again, tmp_path: Path) -> None:
    (tmp_path / "mine").mkdir()
    (tmp_path / "mine" / REQUEST).write_text("{}")
    assert again(name="mine", force=True).record.status == "complete"
    assert not (tmp_path / "mine" / REQUEST).exists()


def test_a_training_that_fails_under_force_brings_the_old_run_back(again: Again, tmp_path: Path) -> None:
    first = again(name="mine")
    with pytest.raises(ModelError, match="diverged"):
        again({"learning_rate": float("inf")}, name="mine", force=True)
    assert [path.name for path in tmp_path.iterdir()] == ["mine"]
    assert read_run(first.folder) == first.record
    assert run_model(first.folder, first.record) == first.folder / MODEL


@contextmanager
def loading(meanwhile: Callable[[], None]) -> Iterator[Callable[[str], Tick]]:
    """Progress of a training during whose loading of photos something else happens."""

    def announce(step: str) -> Tick:
        if step == "train photos":
            meanwhile()
        return lambda done, total: None

    yield announce


@pytest.mark.parametrize("options", [{}, {"name": "mine"}, {"name": "mine", "force": True}])
def test_nobody_takes_the_name_of_a_training_that_still_loads_photos(
    tmp_path: Path,
    dataset: DataSet,
    config: Config,
    progress: Callable[..., Any],
    again: Again,
    options: dict[str, Any],
) -> None:
    if options.get("force"):
        again({"seed": 3}, name="mine")

    def other() -> None:
        with pytest.raises(EdgeclsError, match="another `edgecls train` is at work there"):
            train(
                dataset,
                config(epochs=1, seed=7),
                runs=tmp_path,
                progress=progress(),
                **{**options, "force": True},
            )

    first = train(dataset, config(epochs=1), runs=tmp_path, progress=lambda: loading(other), **options)
    assert (first.record.status, read_run(first.folder)) == ("complete", first.record)
    assert [path.name for path in tmp_path.iterdir()] == [first.folder.name]


def test_a_run_keeps_its_place_while_the_photos_of_its_successor_are_loaded(
    tmp_path: Path, dataset: DataSet, config: Config, again: Again
) -> None:
    old = again({"seed": 3}, name="mine")

    def look() -> None:
        assert read_run(old.folder) == old.record

    progress = lambda: loading(look)  # noqa: E731
    train(dataset, config(epochs=1), runs=tmp_path, name="mine", force=True, progress=progress)
    assert read_run(old.folder).config.seed == config().seed != old.record.config.seed


def test_a_run_made_between_our_choice_and_our_lock_is_not_replaced(
    again: Again, monkeypatch: pytest.MonkeyPatch
) -> None:
    other: list[TrainingResult] = []

    def meanwhile(*arguments: Any, **options: Any) -> Path:
        folder = choose_folder(*arguments, **options)
        with monkeypatch.context() as patch:
            patch.setattr(module, "choose_folder", choose_folder)
            other.append(again({"seed": 1}, name="mine"))
        return folder

    monkeypatch.setattr(module, "choose_folder", meanwhile)
    with pytest.raises(UsageError, match="mine was made by another training meanwhile; repeat the command"):
        again(name="mine")
    assert read_run(other[0].folder) == other[0].record


def test_what_a_killed_force_set_aside_is_no_run_but_comes_back(again: Again, tmp_path: Path) -> None:
    old = again(name="mine")
    old.folder.rename(aside(old.folder))
    old.folder.mkdir()
    (old.folder / REQUEST).write_text("{}")
    assert again().folder.name == "small-tints-001"  # the hidden one of the same inputs is not "unchanged"
    shutil.rmtree(old.folder)
    found = again(name="mine")
    assert (found.unchanged, found.folder, found.record) == (True, old.folder, old.record)


def test_what_a_killed_force_set_aside_goes_when_the_new_run_is_whole(again: Again, tmp_path: Path) -> None:
    again(name="mine")
    shutil.copytree(tmp_path / "mine", aside(tmp_path / "mine"))
    assert bring_back(tmp_path) == []
    assert [path.name for path in tmp_path.iterdir()] == ["mine"]


def test_a_file_in_place_of_the_runs_is_wrong_use(
    tmp_path: Path, dataset: DataSet, run_command: Callable[..., int], capfd: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "runs").write_text("x")
    options = ["--network", "small", "--epochs", "1", "--size", "16", "--runs", str(tmp_path / "runs")]
    assert run_command("train", str(dataset.root), *options) == 2
    assert "expected a folder for the runs, found a file" in capfd.readouterr().err
    assert (tmp_path / "runs").read_text() == "x"
