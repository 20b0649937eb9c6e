"""Options of `edgecls train` and `edgecls export` that can come to nothing are wrong use, at once."""

from __future__ import annotations

import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest

Run = Callable[..., subprocess.CompletedProcess[str]]
HEAD = ("--network", "enet", "--regime", "head")


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (("train", "photos", "--seed", "-1"), "--seed"),
        (("train", "photos", "--size", "0"), "--size"),
        (
            ("train", "photos", "--learning-rate", "nan"),
            "a learning rate must be a number above 0, found nan",
        ),
        (("train", "photos", "--fine-tune-rate", "0"), "a learning rate must be a number above 0"),
        (
            ("train", "photos", "--norm", "kept"),
            "--norm belongs to the regimes finetune and two-stage, found regime",
        ),
        (("train", "photos", *HEAD), "--regime head needs weights, and enet has none; use --regime scratch"),
        (("export", "--max-drop", "nan"), "--max-drop: expected points of top-1, 0 or more, found nan"),
        (
            ("export", "--max-class-drop", "-1"),
            "--max-class-drop: expected points of top-1, 0 or more, found -1",
        ),
        (("export", "--effort", "loud"), "--effort: expected quick, normal, max, found 'loud'"),
        (("export", "--min-agreement", "99"), "--min-agreement: expected a share of 0 to 1, found 99"),
        (("export", "--min-precision", "90"), "--min-precision: expected a share of 0 to 1, found 90"),
    ],
)
def test_what_can_come_to_nothing_is_exit_code_2(
    edgecls: Run, workplace: Path, arguments: tuple[str, ...], words: str
) -> None:
    done = edgecls(*arguments)
    assert done.returncode == 2, done.stderr
    assert words in done.stderr
    assert "Traceback" not in done.stderr
    assert sorted(path.name for path in workplace.iterdir()) == ["bundles", "photos"]
