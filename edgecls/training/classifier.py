"""The classifier: a network's backbone with a dense softmax head, and which of its layers are trained."""

from __future__ import annotations

from typing import Any

from edgecls.errors import UsageError

HEAD = "probabilities"


def build_head(keras: Any, features: int, classes: int, *, dropout: float) -> Any:
    """Feature vectors (n, features) to probabilities (n, classes): dropout and one dense softmax layer."""
    vector = keras.Input((features,), name="vector")
    x = keras.layers.Dropout(dropout, name="head_dropout")(vector) if dropout else vector
    scores = keras.layers.Dense(classes, activation="softmax", name=HEAD)(x)
    return keras.Model(vector, scores, name="head")


def join(keras: Any, backbone: Any, head: Any) -> Any:
    """One flat model from pixels to probabilities; it shares the weights of backbone and head."""
    x = backbone.output
    for layer in head.layers[1:]:
        x = layer(x)
    return keras.Model(backbone.input, x, name=backbone.name)


def freeze_backbone(backbone: Any) -> None:
    """No weight of the backbone is trained, batch normalisation uses its stored statistics."""
    backbone.trainable = False


def unfreeze_from(keras: Any, backbone: Any, start: str | None) -> str:
    """Train the backbone from layer `start` on, a name or a number; everything when None.

    Batch normalisation keeps its stored statistics: a batch of a few photos would spoil them. Returns a
    sentence that says what is trained. Raises UsageError for a layer that is not there.
    """
    backbone.trainable = True
    index = layer_index(backbone, start)
    trained = 0
    for i, layer in enumerate(backbone.layers):
        layer.trainable = i >= index and not isinstance(layer, keras.layers.BatchNormalization)
        trained += bool(layer.trainable and layer.weights)
    return (
        f"{trained} layers from '{backbone.layers[index].name}' (number {index}) on, batch normalisation kept"
    )


def layer_index(backbone: Any, start: str | None) -> int:
    """Position of the layer of that name or number, 0 when None. Raises UsageError when it is not there."""
    if start is None:
        return 0
    names = [layer.name for layer in backbone.layers]
    if start.isdigit():
        if int(start) >= len(names):
            raise UsageError(
                f"--unfreeze {start}: the network has layers 0 to {len(names) - 1}; choose one of them"
            )
        return int(start)
    if start not in names:
        with_weights = ", ".join(layer.name for layer in backbone.layers if layer.weights)
        raise UsageError(
            f"--unfreeze: expected a layer's name or number, found '{start}'; layers: {with_weights}"
        )
    return names.index(start)
