"""Configuration of `edgecls run`: a flag beats the environment, that the file, and every mistake is named."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

if sys.version_info >= (3, 11):
    import tomllib
else:
    import tomli as tomllib

Run = Callable[..., subprocess.CompletedProcess[str]]


@pytest.fixture
def config(workplace: Path) -> Path:
    path = workplace / "edgecls.toml"
    path.write_text('[run]\ncamera = "photos"\nmax-frames = 1\nsmooth = 0.3\nhold = 0.3\njson = true\n')
    return path


def test_a_flag_beats_the_environment_and_that_the_file(
    edgecls: Run, environment: dict[str, str], config: Path
) -> None:
    environment |= {"EDGECLS_RUN_CONFIG": str(config), "EDGECLS_RUN_SMOOTH": "0.2", "EDGECLS_RUN_HOLD": "0.2"}
    done = edgecls("run", "--hold", "0.1", "--print-config")
    assert done.returncode == 0
    found = tomllib.loads(done.stdout)["run"]
    assert (found["camera"], found["smooth"], found["hold"], found["top"]) == ("photos", 0.2, 0.1, 5)
    assert 'camera = "photos"  # file' in done.stdout
    assert "smooth = 0.2  # environment" in done.stdout
    assert "hold = 0.1  # flag" in done.stdout


def test_what_is_printed_can_be_given_back(edgecls: Run, config: Path, workplace: Path) -> None:
    first = edgecls("run", "--config", str(config), "--print-config", "--camera", 'a "b" \\ ü')
    (workplace / "again.toml").write_text(first.stdout, encoding="utf-8")
    again = edgecls("run", "--config", "again.toml", "--print-config")
    assert tomllib.loads(again.stdout) == tomllib.loads(first.stdout)


def test_a_run_does_what_its_file_says(edgecls: Run, config: Path) -> None:
    done = edgecls("run", "--config", str(config))
    assert done.returncode == 0, done.stderr
    assert done.stdout.count('"type": "result"') == 1


def test_passwords_are_not_printed(edgecls: Run) -> None:
    done = edgecls("run", "--print-config", "--camera", "rtsp://user:secret@host/live")
    assert '# camera = "rtsp://user:***@host/live"' in done.stdout  # as a file it would be another camera
    assert "secret" not in done.stdout
    hook = edgecls("run", "--print-config", "--webhook", "https://host/in?key=secret")
    assert '# webhook = "https://host/in"' in hook.stdout
    assert "secret" not in hook.stdout


@pytest.mark.parametrize(
    ("text", "sentence"),
    [
        ("[run]\ncamra = 0\n", "unknown key 'camra' in [run]"),
        ("[walk]\n", "expected one table [run], found 'walk'"),
        ("run = 1\n", "expected one table [run]"),
        ("camera 0", "expected TOML"),
        ("[run]\ntop = 'x'\n", "Invalid value for '--top'"),
        ("[run]\nprint-config = true\n", "unknown key 'print_config'"),
        ("[run]\ncamera = true\n", "'camera' in [run] expects a text or a number, found True"),
        ("[run]\njson = 1\n", "'json' in [run] expects true or false, found 1"),
        ("[run]\njsonl = ['a']\n", "'jsonl' in [run] expects a text or a number, found ['a']"),
    ],
)
def test_a_mistake_in_the_file_is_named(edgecls: Run, config: Path, text: str, sentence: str) -> None:
    config.write_text(text)
    done = edgecls("run", "--config", str(config))
    assert done.returncode == 2
    assert sentence in done.stderr
    assert "Traceback" not in done.stderr


def test_an_absent_file_is_one_sentence(edgecls: Run) -> None:
    done = edgecls("run", "--config", "nothing.toml")
    assert (done.returncode, done.stderr) == (
        2, "edgecls: nothing.toml: expected a TOML file, found none (No such file or directory); check the path\n",
    )  # fmt: skip
