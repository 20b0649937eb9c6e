"""The command line's end: what is no error of its own becomes one sentence too."""

from __future__ import annotations

import numpy as np
import pytest

from edgecls.cli import app


def test_too_little_memory_is_one_sentence_with_what_was_asked_for(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def ask_for_too_much() -> None:
        np.empty((1 << 50,), np.float64)

    monkeypatch.setattr(app, "build", lambda verbs: ask_for_too_much)
    with pytest.raises(SystemExit) as ended:
        app.main()
    assert ended.value.code == 1
    said = capsys.readouterr().err
    assert said.startswith("edgecls: not enough memory (Unable to allocate 8.00 PiB")
    assert "close other programs" in said
    assert said.count("\n") == 1
