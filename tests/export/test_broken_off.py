"""An export that is killed or finds the disk full leaves no half bundle, and the next one cleans up."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from edgecls.bundle import find_bundle
from edgecls.devices.detect import detect_machine
from edgecls.errors import EdgeclsError, ModelError
from edgecls.export.export import ExportResult
from edgecls.export.options import ExportOptions
from edgecls.runtime.verify import verify_bundle

pytestmark = pytest.mark.xdist_group("export")

Export = Callable[..., ExportResult]
EDGECLS = [sys.executable, "-c", "from edgecls.cli.app import main; main()"]


def test_a_killed_export_leaves_no_bundle_and_the_next_one_cleans_up(
    trained: Any,
    export_quickly: Export,
    options: ExportOptions,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    bundles = tmp_path / "bundles"
    process = subprocess.Popen(
        [*EDGECLS, "export", str(trained.folder), "--bundles", str(bundles)],
        stdout=subprocess.DEVNULL,
        stderr=subprocess.PIPE,
        text=True,
        start_new_session=True,
    )
    try:
        partial = wait_for_a_file_in(bundles, process)
    finally:
        process.kill()
        process.communicate()
        end_group(process.pid)
    assert process.returncode == -signal.SIGKILL
    assert partial.name.startswith(".small-tints-001.")
    assert list(bundles.iterdir()) == [partial]
    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv("EDGECLS_BUNDLE", raising=False)
    with pytest.raises(ModelError, match="there is no complete bundle"):
        find_bundle(None)

    result = export_quickly(replace(options, formats=("tflite",)), bundles=bundles)
    assert [path.name for path in bundles.iterdir()] == ["small-tints-001"]
    assert not result.unchanged
    assert verify_bundle(result.bundle, detect_machine()).passed


def wait_for_a_file_in(bundles: Path, process: subprocess.Popen[str]) -> Path:
    """The temporary folder, as soon as it holds something."""
    end = time.monotonic() + 180
    while not (found := list(bundles.glob(".*.partial/*"))):
        assert process.poll() is None, process.stderr.read() if process.stderr else ""
        assert time.monotonic() < end, "no temporary folder in 180 s"
        time.sleep(0.005)
    return found[0].parent


def end_group(session: int) -> None:
    """The converter outlives its parent; end it too, so that the test leaves no process behind."""
    try:
        os.killpg(session, signal.SIGKILL)
    except ProcessLookupError:
        return
    end = time.monotonic() + 10
    while time.monotonic() < end and any(_session(path) == session for path in Path("/proc").glob("[0-9]*")):
        time.sleep(0.01)


def _session(process: Path) -> int:
    """The session of a process that still runs; 0 for one that has ended."""
    try:
        fields = (process / "stat").read_text().rpartition(")")[2].split()
    except OSError:
        return 0
    return 0 if fields[0] == "Z" else int(fields[3])


# Float files come first, then int8, then photos and answers: each of these sizes is full at another of them.
@pytest.mark.parametrize("kilobytes", [4, 16, 28, 40, 56, 64])
def test_a_full_disk_is_one_sentence_and_nothing_stays(
    export_quickly: Export, mount_disk: Callable[[int], Path], kilobytes: int
) -> None:
    disk = mount_disk(kilobytes)
    with pytest.raises(EdgeclsError) as caught:
        export_quickly(bundles=disk / "bundles")
    assert "\n" not in str(caught.value)
    assert "space" in str(caught.value)
    assert [path for path in disk.rglob("*") if path.name != "bundles"] == []


def test_a_disk_that_is_full_for_the_converter_is_one_sentence_and_nothing_stays(
    trained: Any, options: ExportOptions, no_progress: Any, mount_disk: Callable[[int], Path]
) -> None:
    from edgecls.export.export import export_run

    disk = mount_disk(20)  # the parity photos have place, what the converter writes has not
    with pytest.raises(EdgeclsError, match=r"[Ss]pace") as caught:
        export_run(trained.folder, trained.record, options, bundles=disk / "bundles", progress=no_progress)
    assert "\n" not in str(caught.value)
    assert [path for path in disk.rglob("*") if path.name != "bundles"] == []


def test_an_export_that_is_asked_to_end_leaves_nothing(trained: Any, tmp_path: Path) -> None:
    bundles = tmp_path / "bundles"
    process = subprocess.Popen(
        [*EDGECLS, "export", str(trained.folder), "--bundles", str(bundles)],
        stdout=subprocess.DEVNULL,
        stderr=subprocess.PIPE,
        text=True,
        start_new_session=True,
    )
    try:
        wait_for_a_file_in(bundles, process)
        process.terminate()
        _, said = process.communicate(timeout=60)
    finally:
        process.kill()
        end_group(process.pid)
    assert process.returncode == 128 + signal.SIGTERM, said
    assert "Traceback" not in said
    assert list(bundles.iterdir()) == []
