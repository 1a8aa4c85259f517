"""What the rest of Impasto needs from an encoder, and the adapter for a plain function.

:class:`impasto.Encoder` satisfies :class:`FeatureExtractor`. A function of (image, layer names) is
wrapped once, by :func:`as_feature_extractor`, where it enters the library.
"""

from __future__ import annotations

import inspect
from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from typing import Any, Protocol, runtime_checkable

from torch import Tensor

from impasto.errors import OptionError, option

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


_EXPECTED = "an encoder maps (image, layer names) to a dict of layer name → (B, C, H, W)"


class FunctionEncoder:
    """A plain function as a :class:`FeatureExtractor`: one level, no masks, no tiles.

    Args:
        function: Maps (image, layer names) to features.

    Raises:
        OptionError: If it cannot be called in that way.
    """

    layers: tuple[str, ...] = ()
    has_geometry = False

    def __init__(self, function: EncoderLike) -> None:
        self._function = function
        self._name = getattr(function, "__name__", type(function).__name__)
        if not _takes_image_and_layers(function):
            raise OptionError(
                f"The encoder {self._name} cannot be called with an image and layer names: "
                f"{_EXPECTED}.",
                got=function,
            )

    def __call__(self, image: Tensor, layers: Sequence[str]) -> Mapping[str, Tensor]:
        """The features of these layers.

        Raises:
            OptionError: If the function does not return (B, C, H, W) for each of the layers.
        """
        features = self._function(image, layers)
        if not isinstance(features, Mapping):
            raise OptionError(
                f"The encoder {self._name} returns {type(features).__name__}: {_EXPECTED}.",
                got=features,
            )
        for name in layers:
            if name not in features:
                raise OptionError(
                    f"The encoder function returns no features of layer {name}. The layers that it "
                    f"has are named by {option('style_layers')} and {option('content_layers')}."
                )
            found = features[name]
            if not isinstance(found, Tensor) or found.ndim != 4:
                shape = tuple(found.shape) if isinstance(found, Tensor) else type(found).__name__
                raise OptionError(
                    f"The encoder {self._name} returns {shape} for layer {name}: {_EXPECTED}."
                )
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


def _takes_image_and_layers(function: EncoderLike) -> bool:
    # The signature of a module is that of its forward: its __call__ takes anything.
    called = getattr(function, "forward", function)
    try:
        inspect.signature(called).bind(None, ())
    except TypeError:
        return False
    except ValueError:  # of a built-in function, which has none
        return callable(called)
    return True


def as_feature_extractor(encoder: EncoderLike) -> FeatureExtractor:
    """The encoder itself, or a plain function wrapped in a :class:`FunctionEncoder`.

    Raises:
        OptionError: If it cannot be called with (image, layer names).
    """
    return encoder if isinstance(encoder, FeatureExtractor) else FunctionEncoder(encoder)
