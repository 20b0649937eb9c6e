"""Bodies from keras.applications, built on our own scaled pixels."""

from __future__ import annotations

from typing import Any

from edgecls.errors import need
from edgecls.networks.network import Body, Tensor


def keras_body(application: str, **options: Any) -> Body:
    """The body of keras.applications' network of that name, without weights; it has one width.

    Layers keep Keras' names; those it does not name are numbered by networks.naming.
    """

    def body(x: Tensor, width: float) -> Tensor:
        return _build(application, x, **options)

    return body


def scalable_keras_body(application: str, **options: Any) -> Body:
    """The same for networks whose argument `alpha` multiplies the channels."""

    def body(x: Tensor, width: float) -> Tensor:
        return _build(application, x, alpha=width, **options)

    return body


def _build(application: str, x: Tensor, **options: Any) -> Tensor:
    keras = need("keras", "train")
    network = getattr(keras.applications, application)
    return network(input_tensor=x, include_top=False, weights=None, **options).output
