"""What drives Keras: a backend that is not there is one sentence."""

from __future__ import annotations

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
