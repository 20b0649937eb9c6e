"""Files of a benchmark and the pages made of them: nothing is lost, nothing is half there."""

from __future__ import annotations

import sys
from dataclasses import replace
from pathlib import Path

import pytest
import typer
from typer.testing import CliRunner

from edgecls.cli import report
from edgecls.errors import EdgeclsError, ModelError, UsageError
from edgecls.manifest import Manifest
from edgecls.manifest_file import write_manifest
from edgecls.reporting.bench_files import prepare_folder, write_bench_files
from edgecls.runtime.benchmark_result import BenchResult, read_bench, write_bench


def make_report(*arguments: str) -> None:
    """Run `edgecls report`; errors come as they are."""
    app = typer.Typer()
    app.command()(report.command)
    CliRunner().invoke(app, list(arguments), catch_exceptions=False)


def test_json_markdown_and_page_are_written(bench: BenchResult, tmp_path: Path) -> None:
    pytest.importorskip("matplotlib", reason="needs the report extra")
    files = write_bench_files(bench, tmp_path)
    assert [path.name for path in files.written] == ["bench.json", "bench.md", "bench.html"]
    assert files.notes == ()
    assert sorted(path.name for path in tmp_path.iterdir()) == ["bench.html", "bench.json", "bench.md"]


@pytest.mark.parametrize("missing", ["jinja2", "matplotlib.figure"])
def test_without_the_report_extra_one_line_says_how_to_get_the_page(
    bench: BenchResult, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, missing: str
) -> None:
    monkeypatch.setitem(sys.modules, missing, None)
    files = write_bench_files(bench, tmp_path)
    assert [path.name for path in files.written] == ["bench.json", "bench.md"]
    [note] = files.notes
    assert "pip install 'edgecls[report]'" in note
    assert "edgecls report" in note
    assert not (tmp_path / "bench.html").exists()


def test_an_earlier_benchmark_is_kept_under_its_date(bench: BenchResult, tmp_path: Path) -> None:
    earlier = replace(bench, created="2026-11-20T08:30:00.500000+00:00")
    write_bench_files(earlier, tmp_path)
    files = write_bench_files(bench, tmp_path)
    assert read_bench(tmp_path / "bench-20261120083000.json") == earlier
    assert read_bench(tmp_path / "bench.json") == bench
    assert "kept" in files.notes[0]


def test_an_earlier_file_that_cannot_be_read_is_kept_too(bench: BenchResult, tmp_path: Path) -> None:
    (tmp_path / "bench.json").write_text("notes of mine")
    write_bench_files(bench, tmp_path)
    [kept] = tmp_path.glob("bench-*.json")
    assert kept.read_text() == "notes of mine"


def test_a_folder_that_cannot_be_made_is_told_before_anything_is_measured(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    with pytest.raises(EdgeclsError, match="choose another with --out"):
        prepare_folder(tmp_path / "file" / "reports")


def test_a_page_of_a_benchmark_from_elsewhere_lies_beside_its_file(
    bench: BenchResult, tmp_path: Path
) -> None:
    write_bench(tmp_path / "pi5.json", bench)
    make_report(str(tmp_path / "pi5.json"))
    assert "The model files" not in (tmp_path / "pi5.html").read_text()


def test_a_benchmark_in_its_bundle_gets_the_bundles_variants(
    bench: BenchResult, manifest: Manifest, tmp_path: Path
) -> None:
    (tmp_path / "reports").mkdir()
    write_manifest(tmp_path, manifest)
    write_bench(tmp_path / "reports" / "bench.json", bench)
    make_report(str(tmp_path / "reports" / "bench.json"))
    assert "The model files" in (tmp_path / "reports" / "bench.html").read_text()


def test_the_page_of_a_bundle_lies_in_its_reports(
    bench: BenchResult, manifest: Manifest, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    run = tmp_path / "runs" / manifest.origin.run / "run.json"  # of an older schema: the page goes without it
    run.parent.mkdir(parents=True)
    run.write_text('{"schema": 1}')
    monkeypatch.chdir(tmp_path)
    write_manifest(tmp_path, manifest)
    make_report(str(tmp_path))
    page = tmp_path / "reports" / "report.html"
    assert "not yet timed" in page.read_text()
    write_bench(tmp_path / "reports" / "bench.json", bench)
    make_report(str(tmp_path))
    assert "a frame on AMD EPYC 7B13" in page.read_text().replace("\u00a0", " ")


def test_a_file_of_ones_own_is_replaced_only_by_force(bench: BenchResult, tmp_path: Path) -> None:
    write_bench(tmp_path / "bench.json", bench)
    mine = tmp_path / "mine.html"
    mine.write_text("mine")
    with pytest.raises(UsageError, match="add --force"):
        make_report(str(tmp_path / "bench.json"), "--out", str(mine))
    assert mine.read_text() == "mine"
    make_report(str(tmp_path / "bench.json"), "--out", str(mine), "--force")
    assert mine.read_text().startswith("<!doctype html>")


def test_a_file_that_is_no_benchmark_is_one_sentence(tmp_path: Path) -> None:
    (tmp_path / "other.json").write_text("{}")
    with pytest.raises(ModelError, match="expected the JSON that 'edgecls bench' writes"):
        make_report(str(tmp_path / "other.json"))


def test_a_path_that_is_not_there_is_one_sentence(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="expected a bundle"):
        make_report(str(tmp_path / "nothing"))
