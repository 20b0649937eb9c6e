"""`edgecls bench` from the command line, on a real TFLite bundle."""

from __future__ import annotations

import json

import pytest
import typer
from typer.testing import CliRunner, Result

from edgecls.bundle import Bundle
from edgecls.cli import bench
from edgecls.errors import UsageError
from edgecls.runtime.benchmark_result import read_bench


def run_bench(*arguments: str) -> Result:
    """Run `edgecls bench`; errors come as they are."""
    app = typer.Typer()
    app.command()(bench.command)
    return CliRunner().invoke(app, list(arguments), catch_exceptions=False)


def test_the_files_lie_in_the_bundles_reports(real_bundle: Bundle) -> None:
    result = run_bench(str(real_bundle.folder), "--threads", "1", "--photos", "6")
    reports = real_bundle.folder / "reports"
    assert result.exit_code == 0
    assert "100.0 %" in result.stdout
    found = read_bench(reports / "bench.json")
    assert [(row.threads, row.top1.n) for row in found.rows] == [(1, 6)]
    assert "| tflite float32 |" in (reports / "bench.md").read_text()


def test_json_is_one_document_on_stdout(real_bundle: Bundle) -> None:
    out = real_bundle.folder.parent / "elsewhere"
    result = run_bench(
        str(real_bundle.folder), "--threads", "1,1", "--photos", "3", "--json", "--out", str(out)
    )
    printed = json.loads(result.stdout)
    assert printed == json.loads((out / "bench.json").read_text())
    assert len(printed["rows"]) == 1
    assert not (real_bundle.folder / "reports").exists()


@pytest.mark.parametrize("threads", ["", "two", "1,,2", "1;2"])
def test_threads_that_are_no_numbers_are_wrong_use(real_bundle: Bundle, threads: str) -> None:
    with pytest.raises(UsageError, match="expects numbers such as 1,2"):
        run_bench(str(real_bundle.folder), "--threads", threads)
