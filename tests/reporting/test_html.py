"""The HTML pages: the result first, nothing from outside, and no label that becomes markup."""

from __future__ import annotations

import base64
import re
from collections.abc import Callable
from dataclasses import replace
from html.parser import HTMLParser
from pathlib import Path

import numpy as np
import pytest

from edgecls.bundle import Bundle
from edgecls.errors import ModelError
from edgecls.files import sha256_bytes
from edgecls.machine import Machine
from edgecls.manifest import ChangedPhoto, Manifest, Rung
from edgecls.metrics import class_reports, wilson
from edgecls.reporting.html import bench_page, bundle_page, training_page
from edgecls.reporting.training_report import TrainingReport
from edgecls.runtime.benchmark_result import BenchResult

pytest.importorskip("jinja2", reason="needs the report extra")
pytest.importorskip("matplotlib", reason="needs the report extra")

VOID = frozenset({"meta", "img", "br", "link"})
NASTY = ("<script>alert(1)</script>", "a & b", '" onerror="x', "$5 or $10", "яблоко", "リンゴ", "naïve café")


class Outline(HTMLParser):
    """Reads a page: its text, its tags with attributes, and whether every tag is closed."""

    def __init__(self, page: str) -> None:
        super().__init__()
        self.text, self.tags = "", list[tuple[str, dict[str, str | None]]]()
        self.open = list[str]()
        self.feed(page)
        self.close()

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append((tag, dict(attrs)))
        if tag not in VOID:
            self.open.append(tag)

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag

    def handle_data(self, data: str) -> None:
        self.text += data


def readable(page: str) -> str:
    """The words of a page, its unbreakable spaces as plain ones."""
    return Outline(page).text.replace("\u00a0", " ")


def pictures(page: str) -> list[str]:
    """The SVG texts inside a page."""
    return [base64.b64decode(code).decode() for code in re.findall(r"svg\+xml;base64,([^\"]+)", page)]


def opened(manifest: Manifest, folder: Path = Path("bundles/made")) -> Bundle:
    """A bundle that says this of itself; its files are not there unless `folder` holds them."""
    return Bundle(folder, manifest)


Pages = Callable[[], list[str]]


@pytest.fixture
def pages(bench: BenchResult, manifest: Manifest, training: TrainingReport) -> list[str]:
    return [
        bench_page(bench, manifest),
        training_page(training),
        bundle_page(opened(manifest), bench, training),
    ]


def test_the_bundle_page_begins_with_accuracy_size_latency_and_machine(
    manifest: Manifest, bench: BenchResult, training: TrainingReport
) -> None:
    text = readable(bundle_page(opened(manifest), bench, training))
    row = next(r for r in bench.rows if r.file == "model.int8.tflite" and r.threads == 2)
    headline = (
        f"Top-1 78.5 % in float, 79.3 % in int8; 13.6 MB down to 3.9 MB; {row.frame_ms.p50:.2f} ms a frame "
        "on AMD EPYC 7B13, 2 threads"
    )
    assert headline in text
    assert text.index(headline) < text.index("Accuracy against latency")


def test_a_latency_of_another_file_is_never_shown_beside_an_accuracy(
    manifest: Manifest, bench: BenchResult
) -> None:
    other = replace(bench, rows=tuple(replace(row, sha256="of another export") for row in bench.rows))
    assert "not yet timed" in readable(bundle_page(opened(manifest), other, None))


def test_the_bundle_page_shows_every_variant_the_rejected_and_the_origin(
    manifest: Manifest, bench: BenchResult
) -> None:
    text = readable(bundle_page(opened(manifest), bench, None))
    for expected in (
        "onnx int8-avx2",
        "99.7 % of 627",
        "−0.8 (−1.9 to +0.4)",
        "6.5 points below float on 57 validation photos",
        "100 photos of the training split",
        "run efficientnet_lite0-groceries-001, digest 1d1d1d1d1d1d",
        "edgecls verify bundles/efficientnet_lite0-groceries-001",
        "exact arithmetic",
    ):
        assert expected in text


def test_the_bundle_page_tells_what_each_way_to_int8_gave(manifest: Manifest) -> None:
    gate = manifest.variants[0].gate
    first = Rung("tflite", "int8", "all in int8", "4 points below float", gate, taken=False, unquantized=())
    second = replace(first, name="1 of 8 blocks in float", reason="", taken=True)
    text = readable(bundle_page(opened(replace(manifest, rungs=(first, second))), None, None))
    assert "Ways to int8 that were tried" in text
    assert text.index("4 points below float") < text.index("1 of 8 blocks in float")
    assert text.index("1 of 8 blocks in float") < text.rindex("within the gate")


def test_the_bundle_page_tells_how_sure_an_answer_of_each_class_must_be(manifest: Manifest) -> None:
    values = (0.5, 1.0, *manifest.thresholds.values[2:])
    chosen = replace(manifest.thresholds, values=values, answered=wilson(600, 661), right=wilson(540, 600))
    text = readable(bundle_page(opened(replace(manifest, thresholds=chosen)), None, None))
    (section,) = re.findall(r"When an answer counts.*Where it comes from", text, re.DOTALL)
    for row in ("beans50.0 %", "cakenever", "candyalways"):
        assert row in section
    assert (
        "90.8 % are answered and 90.0 % (87.3–92.2) of those answers are right, without thresholds 79.3 %"
        in text
    )


def test_where_every_answer_counts_the_page_has_no_table_of_thresholds(manifest: Manifest) -> None:
    assert "When an answer counts" not in readable(bundle_page(opened(manifest), None, None))


def test_where_the_first_way_did_the_page_has_no_table_of_ways(manifest: Manifest) -> None:
    rung = Rung("tflite", "int8", "all in int8", "", manifest.variants[0].gate, taken=True, unquantized=())
    assert "Ways to int8" not in readable(bundle_page(opened(replace(manifest, rungs=(rung,))), None, None))


def test_a_bundle_that_was_never_timed_says_how_to_time_it(manifest: Manifest) -> None:
    text = readable(bundle_page(opened(manifest), None, None))
    assert "Measure it with: edgecls bench" in text
    assert "not yet timed" in text


def test_a_bundle_without_int8_has_a_headline_of_its_float_model(
    manifest: Manifest, bench: BenchResult
) -> None:
    alone = replace(manifest, variants=manifest.variants[:1])
    assert "Top-1 78.5 %; 13.6 MB;" in readable(bundle_page(opened(alone), bench, None))


def test_a_bundle_without_variants_says_so(manifest: Manifest) -> None:
    assert "no variant passed the gate" in readable(
        bundle_page(opened(replace(manifest, variants=())), None, None)
    )


def test_photos_that_int8_answers_otherwise_are_shown_with_both_answers(
    manifest: Manifest, tmp_path: Path
) -> None:
    (tmp_path / "changed").mkdir()
    (tmp_path / "changed" / "00.jpg").write_bytes(b"a small photo")
    photo = ChangedPhoto(
        "changed/00.jpg",
        sha256_bytes(b"a small photo"),
        "tflite int8",
        label=0,
        before=0,
        after=2,
        margin=0.31,
    )
    changed = replace(manifest, changed=(photo,))
    page = bundle_page(opened(changed, tmp_path), None, None)
    assert base64.b64encode(b"a small photo").decode() in page
    text = readable(page)
    first, third = manifest.labels[0], manifest.labels[2]
    assert f"{first}: lost" in text
    assert f"{first} → {third}, margin 0.31" in text
    assert "What int8 changed" not in readable(bundle_page(opened(manifest), None, None))


def test_a_changed_photo_that_is_not_the_bundles_is_not_shown(manifest: Manifest, tmp_path: Path) -> None:
    (tmp_path / "changed").mkdir()
    (tmp_path / "changed" / "00.jpg").write_bytes(b"another photo")
    photo = ChangedPhoto("changed/00.jpg", sha256_bytes(b"a photo"), "tflite int8", 0, 0, 1, 0.2)
    with pytest.raises(ModelError, match="the file was changed"):
        bundle_page(opened(replace(manifest, changed=(photo,)), tmp_path), None, None)


def test_the_benchmark_page_says_why_int8_is_slow_and_what_was_skipped(bench: BenchResult) -> None:
    text = readable(bench_page(bench))
    assert "model.int8.onnx on onnxruntime is slower than float32" in text
    assert "engine 'tflite-runtime' is not installed" in text
    assert "no int8 dot product (sums saturate)" in text


def test_a_machine_that_tells_no_temperature_gets_no_empty_line(bench: BenchResult) -> None:
    silent = replace(bench.before, temperature_c=None, clock_mhz=None, throttled=None)
    assert "meanwhile" in readable(bench_page(bench))
    assert "meanwhile" not in readable(bench_page(replace(bench, before=silent, after=silent)))


def test_every_tag_is_closed(pages: list[str]) -> None:
    for page in pages:
        assert Outline(page).open == []


def test_a_page_loads_nothing_from_outside(pages: list[str]) -> None:
    for page in pages:
        assert "default-src 'none'" in page
        for tag, attributes in Outline(page).tags:
            assert tag not in ("script", "link", "iframe")
            address = attributes.get("src") or attributes.get("href") or "data:"
            assert address.startswith("data:")
        assert "url(" not in page


def test_every_picture_has_words_for_those_who_cannot_see_it(pages: list[str]) -> None:
    found = [attributes for page in pages for tag, attributes in Outline(page).tags if tag == "img"]
    assert len(found) == 1 + 3 + 4
    assert all(attributes["alt"] for attributes in found)


def test_light_dark_phone_and_print_are_thought_of(pages: list[str]) -> None:
    for page in pages:
        for sign in ("prefers-color-scheme: dark", "@media print", "max-width: 40rem", "width=device-width"):
            assert sign in page


@pytest.mark.filterwarnings("error")
def test_class_names_stay_text_whatever_they_hold(manifest: Manifest, bench: BenchResult) -> None:
    matrix = np.diag(np.arange(1, len(NASTY) + 1)).astype(np.int64)
    report = TrainingReport(
        title="run <b>1</b>",
        facts=(("data", "<i>photos</i>"),),
        history={},
        matrix=matrix,
        class_reports=class_reports(matrix, NASTY),
        top1=bench.rows[0].top1,
        problems=("<script>alert(2)</script>.jpg: empty",),
    )
    page = bundle_page(opened(replace(manifest, labels=NASTY)), bench, report)
    assert not any(tag in ("script", "b1", "i") for tag, _ in Outline(page).tags)
    for label in NASTY:
        assert label in readable(page)
    for svg in pictures(page):
        assert "<script" not in svg
    assert any("яблоко" in svg for svg in pictures(page))
    assert any("$5 or $10" in svg for svg in pictures(page))


def test_the_machines_name_stays_text(bench: BenchResult, machine_named: Callable[[str], Machine]) -> None:
    page = bench_page(replace(bench, machine=machine_named("<img src=x onerror=y>")))
    assert not any(attributes.get("src") == "x" for _, attributes in Outline(page).tags)


def test_the_training_page_names_the_hardest_class_and_the_problems(training: TrainingReport) -> None:
    text = readable(training_page(training))
    worst = min(training.class_reports, key=lambda report: report.recall)
    assert f"recall of {worst.label}" in text
    assert "broken.jpg: the picture ends too early" in text
    assert f"{100 * training.top1.value:.1f} % top-1 on {training.top1.n} test photos" in text


def test_a_class_without_test_photos_is_shown_as_such(without_chips: TrainingReport) -> None:
    text = readable(training_page(without_chips))
    assert "mean recall of 13 classes" in text
    assert re.search(r"chips\s*–\s*no photos\s*–\s*0", text)


def test_a_run_without_history_has_no_empty_picture(training: TrainingReport) -> None:
    assert "Learning curves" not in readable(training_page(replace(training, history={})))
