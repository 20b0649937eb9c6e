"""What drives Keras: a backend that is not there is one sentence."""

from __future__ import annotations

import os
import subprocess
import sys

import pytest

from edgecls.errors import UsageError
from edgecls.training import backend
from edgecls.training.backend import import_keras


def test_a_backend_that_keras_does_not_have_is_wrong_use(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("KERAS_BACKEND", "theano")
    with pytest.raises(
        UsageError, match="expected one of tensorflow, jax, torch, found 'theano'; or unset it"
    ):
        import_keras()


def test_a_backend_that_is_not_installed_names_it(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("KERAS_BACKEND", "jax")
    monkeypatch.setattr(backend, "find_spec", lambda name: None)
    with pytest.raises(UsageError, match="jax is not installed; install it, or unset KERAS_BACKEND"):
        import_keras()


@pytest.mark.parametrize("name", ["jax", "torch"])
def test_another_backend_has_its_precision_too(name: str) -> None:
    pytest.importorskip(name, reason=f"needs {name}")
    code = (
        "from edgecls.training.backend import import_keras, precision\n"
        "keras = import_keras()\n"
        "for asked in ('float32', 'mixed'):\n"
        "    with precision(keras, asked):\n"
        "        print(keras.backend.backend(), keras.config.dtype_policy().name)\n"
    )
    found = subprocess.run(
        [sys.executable, "-c", code],
        env={**os.environ, "KERAS_BACKEND": name},
        capture_output=True,
        text=True,
        check=True,
    )
    plain, mixed = found.stdout.splitlines()
    assert plain == f"{name} float32"
    assert mixed.startswith(f"{name} mixed_")
