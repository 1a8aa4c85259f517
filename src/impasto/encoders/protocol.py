"""What the rest of Impasto needs from an encoder, and the adapter for a plain function.

:class:`impasto.Encoder` satisfies :class:`FeatureExtractor`. A function of (image, layer names) is
wrapped once, by :func:`as_feature_extractor`, where it enters the library.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from typing import Any, Protocol, runtime_checkable

from torch import Tensor

from impasto.errors import OptionError

EncoderLike = Callable[[Tensor, Sequence[str]], Mapping[str, Tensor]]
"""Maps (image, layer names) to layer name → (B, C, H, W); such as :class:`impasto.Encoder`."""

Readout = tuple[Tensor, Tensor]
"""Weight (C', C) and bias (C') of a 1×1 convolution."""


@runtime_checkable
class FeatureExtractor(Protocol):
    """An encoder as painting, tiling and masking use it."""

    @property
    def layers(self) -> tuple[str, ...]:
        """All layer names, shallow to deep, if the geometry is known.

        A name that begins with ``conv`` is a 3×3 convolution, one with ``pool`` a 2×2 pooling;
        every other layer works at each position by itself.
        """
        ...

    @property
    def has_geometry(self) -> bool:
        """Whether layers, strides and halos are known: needed for masks, levels and tiles."""
        ...

    def __call__(self, image: Tensor, layers: Sequence[str]) -> Mapping[str, Tensor]:
        """Layer name → features (B, C, H', W') of an image (B, 3, H, W) in [0, 1]."""
        ...

    def check_layers(self, layers: Iterable[str]) -> frozenset[str]:
        """The set of these layers; raises OptionError for an unknown one."""
        ...

    def minimum_side(self, layers: Iterable[str]) -> int:
        """The smallest height and width of an image, in pixels, for which the layers exist."""
        ...

    def stride(self, layer: str) -> int:
        """Pixels between neighbouring positions of a layer."""
        ...

    def halo(self, layers: Iterable[str]) -> int:
        """Pixels that the deepest of the layers sees beyond its own position, each way."""
        ...

    def bytes_per_pixel(self, layers: Collection[str]) -> float:
        """Bytes of feature maps, forward and backward, per pixel of the image; 0 if unknown."""
        ...

    def linear_readouts(self) -> Mapping[str, Readout]:
        """Layer → W, b where its features are W f + b of features available as ``RAW + layer``."""
        ...

    def state_dict(self) -> Mapping[str, Any]:
        """The weights, from which a checkpoint's fingerprint is computed; empty if unknown."""
        ...

    def circular(self) -> FeatureExtractor:
        """The same encoder with circular padding; raises OptionError if there is none."""
        ...


class FunctionEncoder:
    """A plain function as a :class:`FeatureExtractor`: one level, no masks, no tiles.

    Args:
        function: Maps (image, layer names) to features.
    """

    layers: tuple[str, ...] = ()
    has_geometry = False

    def __init__(self, function: EncoderLike) -> None:
        self._function = function

    def __call__(self, image: Tensor, layers: Sequence[str]) -> Mapping[str, Tensor]:
        """The features of these layers.

        Raises:
            OptionError: If the function does not return one of the layers.
        """
        features = self._function(image, layers)
        for name in layers:
            if name not in features:
                raise OptionError(f"The encoder function returns no features of layer {name}.")
        return {name: features[name] for name in layers}

    def check_layers(self, layers: Iterable[str]) -> frozenset[str]:
        """Every name is passed on to the function."""
        return frozenset(layers)

    def minimum_side(self, layers: Iterable[str]) -> int:
        """Two pixels, since covariances need two positions."""
        return 2

    def stride(self, layer: str) -> int:
        """Unknown: taken to be 1."""
        return 1

    def halo(self, layers: Iterable[str]) -> int:
        """Unknown: taken to be 0."""
        return 0

    def bytes_per_pixel(self, layers: Collection[str]) -> float:
        """Unknown: 0."""
        return 0.0

    def linear_readouts(self) -> Mapping[str, Readout]:
        """None."""
        return {}

    def state_dict(self) -> Mapping[str, Any]:
        """Empty: a function has no weights that can be read."""
        return {}

    def circular(self) -> FeatureExtractor:
        """Not possible.

        Raises:
            OptionError: Always.
        """
        raise OptionError("A tileable texture needs an impasto.Encoder, not a function.")


def as_feature_extractor(encoder: EncoderLike) -> FeatureExtractor:
    """The encoder itself, or a plain function wrapped in a :class:`FunctionEncoder`."""
    return encoder if isinstance(encoder, FeatureExtractor) else FunctionEncoder(encoder)
