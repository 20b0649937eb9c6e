"""The classifier: a network's backbone with a dense softmax head, and which of its layers are trained."""

from __future__ import annotations

from typing import Any

from edgecls.errors import UsageError
from edgecls.networks.network import HEADS, Network
from edgecls.runs import ALL_LAYERS

FEATURES = "features"
HEAD = "probabilities"


def vectorize(keras: Any, backbone: Any, kind: str) -> Any:
    """The backbone's map as one vector a picture, (None, features): its mean a channel, or flattened.

    `kind` is one of networks.network.HEADS.
    """
    layer = keras.layers.GlobalAveragePooling2D if kind == "pool" else keras.layers.Flatten
    return keras.Model(backbone.input, layer(name=FEATURES)(backbone.output), name=backbone.name)


def build_head(keras: Any, features: int, classes: int, *, hidden: tuple[int, ...], dropout: float) -> Any:
    """Feature vectors (n, features) to probabilities (n, classes).

    Without `hidden`: dropout and one dense softmax layer. With it: dense ReLU layers of so many units, each
    followed by dropout, then the softmax layer. Probabilities are float32 whatever the precision of training.
    """
    vector = keras.Input((features,), name="vector")
    x = vector
    for i, units in enumerate(hidden, start=1):
        x = keras.layers.Dense(units, activation="relu", name=f"head_dense{i}")(x)
        x = _dropout(keras, x, dropout, name=f"head_dropout{i}")
    if not hidden:
        x = _dropout(keras, x, dropout, name="head_dropout")
    scores = keras.layers.Dense(classes, activation="softmax", dtype="float32", name=HEAD)(x)
    return keras.Model(vector, scores, name="head")


def _dropout(keras: Any, x: Any, rate: float, *, name: str) -> Any:
    return keras.layers.Dropout(rate, name=name)(x) if rate else x


def hidden_units(network: Network, kind: str) -> tuple[int, ...]:
    """Hidden units of that kind of head. Raises UsageError for a kind that does not exist."""
    if kind not in HEADS:
        raise UsageError(f"--head: expected one of {', '.join(HEADS)}, found '{kind}'")
    return {"pool": (), "flatten-256": (256,), "paper": network.hidden}[kind]


def head_kind(network: Network, kind: str) -> str:
    """What pools the map: the paper's head of a network that has no hidden layers there is "pool"."""
    return "pool" if kind == "paper" and not network.hidden else kind


def join(keras: Any, backbone: Any, head: Any) -> Any:
    """One flat model from pixels to probabilities; it shares the weights of backbone and head."""
    x = backbone.output
    for layer in head.layers[1:]:
        x = layer(x)
    return keras.Model(backbone.input, x, name=backbone.name)


def freeze_backbone(backbone: Any) -> None:
    """No weight of the backbone is trained, batch normalisation uses its stored statistics."""
    backbone.trainable = False


def unfreeze_from(keras: Any, backbone: Any, start: str, *, norm: str) -> str:
    """Train the backbone from layer `start` on, a name or a number; everything when "all".

    With `norm` "kept" batch normalisation keeps its stored statistics, which a batch of a few photos would
    spoil; with "trained" it is trained like the other layers. Returns a sentence that says what is trained.
    Raises UsageError for a layer that is not there.
    """
    backbone.trainable = True
    index = layer_index(backbone, start)
    trained = 0
    for i, layer in enumerate(backbone.layers):
        kept = norm == "kept" and isinstance(layer, keras.layers.BatchNormalization)
        layer.trainable = i >= index and not kept
        trained += bool(layer.trainable and layer.weights)
    return f"{trained} layers from '{backbone.layers[index].name}' (number {index}) on, batch normalisation {norm}"


def layer_index(backbone: Any, start: str) -> int:
    """Position of the layer of that name or number, 0 for "all". Raises UsageError when it is not there."""
    if start == ALL_LAYERS:
        return 0
    names = [layer.name for layer in backbone.layers]
    if start.isdecimal():
        if int(start) >= len(names):
            raise UsageError(
                f"--unfreeze {start}: the network has layers 0 to {len(names) - 1}; choose one of them"
            )
        return int(start)
    if start not in names:
        with_weights = ", ".join(layer.name for layer in backbone.layers if layer.weights)
        raise UsageError(
            f"--unfreeze: expected all, late, or a layer's name or number, found '{start}'; layers: {with_weights}"
        )
    return names.index(start)
