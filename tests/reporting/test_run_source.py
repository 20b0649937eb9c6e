"""What the report of a run says of its training."""

from __future__ import annotations

from typing import Any

import pytest

from edgecls.reporting.run_source import _regime
from edgecls.training.options import TrainingOptions, make_config


@pytest.mark.parametrize(
    ("options", "said"),
    [
        ({"regime": "head"}, "head"),
        ({"regime": "two-stage"}, "two-stage, all layers"),
        ({"regime": "finetune", "unfreeze": "late"}, "finetune, from block8_expand_conv on"),
    ],
)
def test_the_regime_is_named_with_the_layers_it_trains(options: dict[str, Any], said: str) -> None:
    assert _regime(make_config(TrainingOptions(**options))) == said
