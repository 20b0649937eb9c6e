"""Scaling: what a network does to raw pixels before its first layer, kept inside the network itself."""

from __future__ import annotations

from dataclasses import dataclass

Channels = tuple[float, float, float]


@dataclass(frozen=True)
class Scaling:
    """`pixel * scale + offset` for each of red, green and blue; pixels are 0..255."""

    scale: Channels
    offset: Channels

    @staticmethod
    def uniform(scale: float, offset: float) -> Scaling:
        """The same for the three channels."""
        return Scaling((scale,) * 3, (offset,) * 3)


def _standardised(mean: Channels, deviation: Channels) -> Scaling:
    """(pixel / 255 - mean) / deviation."""
    pairs = tuple(zip(mean, deviation, strict=True))
    return Scaling(tuple(1 / (255 * d) for _, d in pairs), tuple(-m / d for m, d in pairs))  # type: ignore[arg-type]


RAW = Scaling.uniform(1.0, 0.0)
UNIT = Scaling.uniform(1 / 255, 0.0)  # 0..1
SIGNED = Scaling.uniform(1 / 127.5, -1.0)  # -1..1, as MobileNet and Inception were trained
LITE = Scaling.uniform(1 / 128, -127 / 128)  # EfficientNet-Lite
# ImageNet's mean alone, as VGG (Simonyan and Zisserman 2014) and the first ResNets were trained in Caffe; there the
# channels ran blue, green, red, which weight loaders undo.
CAFFE = Scaling((1.0, 1.0, 1.0), (-123.68, -116.779, -103.939))
# ImageNet's mean and standard deviation, as torchvision's and DenseNet's weights expect.
TORCH = _standardised((0.485, 0.456, 0.406), (0.229, 0.224, 0.225))
