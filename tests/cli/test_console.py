"""What a table prints is what it was given."""

from __future__ import annotations

import pytest

from edgecls.cli.console import print_table


def test_no_markup_is_read_in_a_table(capsys: pytest.CaptureFixture[str]) -> None:
    print_table("Ships [/b]", ["cell [/i]", "[red]n"], [["a [/b]", "[1]"]])
    said = capsys.readouterr().out
    for text in ("Ships [/b]", "cell [/i]", "[red]n", "a [/b]", "[1]"):
        assert text in said
