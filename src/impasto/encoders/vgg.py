"""VGG-shaped encoders: features of named layers from one forward pass.

One class covers VGG-16, VGG-19, the built-in ``compact`` and other distilled encoders. They differ
only in widths, depths, pooling, padding and readouts. Layers have the papers' names: ``conv4_2``
before and ``relu4_2`` after the rectifier, ``pool4`` after the pooling that ends block 4 (Simonyan
& Zisserman 2015, arXiv:1409.1556).
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass, field, replace

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from impasto.encoders.protocol import Readout
from impasto.errors import ImageError, OptionError, unknown_name
from impasto.nn.convolution import Convolution, convolve, is_fixed
from impasto.nn.initialization import OwnGenerator
from impasto.runtime.precision import fastest_layout

POOLINGS = ("max", "average")
PADDINGS = ("zeros", "reflect", "replicate")

RAW = "raw "
"""Prefix of a layer's name: its features before the readout, as the next layer sees them."""


@dataclass(frozen=True)
class Architecture:
    """The shape of a VGG-like encoder.

    Attributes:
        widths: Channels of each block.
        depths: Convolutions of each block.
        pooling: ``"max"`` (as VGG was trained) or ``"average"`` (Gatys et al. 2015: "improves the
            gradient flow", cleaner pictures).
        padding: Of the 3×3 convolutions: ``"zeros"`` (as VGG was trained), ``"reflect"`` or
            ``"replicate"`` (no dark rim).
        mean: Per RGB channel, subtracted from the image in [0, 1].
        std: Per RGB channel, by which the image is then divided.
        readouts: Layer → output channels of its 1×1 convolution, for layers that have one. A
            readout changes the features returned for the layer, not the input of the next layer. A
            distilled encoder uses it to match the channels of its teacher.
        readouts_rectified: Whether a rectifier follows the readouts, as in VGG's own layers.
    """

    widths: tuple[int, ...]
    depths: tuple[int, ...]
    pooling: str = "max"
    padding: str = "zeros"
    mean: tuple[float, float, float] = (0.485, 0.456, 0.406)
    std: tuple[float, float, float] = (0.229, 0.224, 0.225)
    readouts: Mapping[str, int] = field(default_factory=dict)
    readouts_rectified: bool = False

    def __post_init__(self) -> None:
        if len(self.widths) != len(self.depths) or not self.widths:
            raise OptionError("An encoder needs as many block widths as block depths.")
        if min(*self.widths, *self.depths, *self.readouts.values()) < 1:
            raise OptionError("Each width and depth of an encoder is at least 1.")
        if self.pooling not in POOLINGS:
            raise unknown_name("pooling", self.pooling, POOLINGS)
        if self.padding not in PADDINGS:
            raise unknown_name("padding", self.padding, PADDINGS)
        for layer in self.readouts:
            self.width(layer)

    @property
    def convolutions(self) -> dict[str, tuple[int, int]]:
        """Name → (channels in, channels out) of every 3×3 convolution, in order."""
        table = {}
        channels = 3
        for block, (width, depth) in enumerate(zip(self.widths, self.depths, strict=True), 1):
            for index in range(1, depth + 1):
                table[f"conv{block}_{index}"] = (channels, width)
                channels = width
        return table

    @property
    def layers(self) -> tuple[str, ...]:
        """The names of all layers, shallow to deep."""
        names: list[str] = []
        for block, depth in enumerate(self.depths, 1):
            for index in range(1, depth + 1):
                names += [f"conv{block}_{index}", f"relu{block}_{index}"]
            names.append(f"pool{block}")
        return tuple(names)

    def width(self, layer: str) -> int:
        """Channels of ``layer`` before its readout."""
        if layer not in self.layers:
            raise unknown_name("layer of this encoder", layer, self.layers)
        return self.widths[int(layer[4:].partition("_")[0]) - 1]


VGG16 = Architecture(widths=(64, 128, 256, 512, 512), depths=(2, 2, 3, 3, 3))
VGG19 = Architecture(widths=(64, 128, 256, 512, 512), depths=(2, 2, 4, 4, 4))


class Encoder(nn.Module):
    """A VGG-shaped feature extractor.

    Feature maps are channels-last, whatever the layout of the image, and have the type of the
    weights (``encoder.to(torch.bfloat16)`` where that is faster, see
    :mod:`impasto.runtime.precision`).

    Args:
        architecture: Widths, depths, pooling, padding and readouts.
    """

    has_geometry = True
    mean: Tensor
    std: Tensor

    def __init__(self, architecture: Architecture) -> None:
        super().__init__()
        self.architecture = architecture
        self.padding = architecture.padding  # or "circular", see circular()
        # The random weights are placeholders: drawing them must not change the global generator.
        with OwnGenerator():
            self._build(architecture)

    def _build(self, architecture: Architecture) -> None:
        self.convolutions = nn.ModuleDict(
            {
                name: Convolution(channels_in, channels_out, 3)
                for name, (channels_in, channels_out) in architecture.convolutions.items()
            }
        )
        self.readouts = nn.ModuleDict(
            {
                layer: nn.Conv2d(architecture.width(layer), width, 1)
                for layer, width in architecture.readouts.items()
            }
        )
        self.register_buffer("mean", torch.tensor(architecture.mean).view(1, 3, 1, 1))
        self.register_buffer("std", torch.tensor(architecture.std).view(1, 3, 1, 1))
        self.to(memory_format=torch.channels_last)  # type: ignore[call-overload]

    @property
    def layers(self) -> tuple[str, ...]:
        """The names of all layers, shallow to deep."""
        return self.architecture.layers

    def frozen(self) -> Encoder:
        """The encoder itself, in evaluation mode and without gradients of its weights."""
        return self.eval().requires_grad_(False)

    def with_pooling(self, pooling: str) -> Encoder:
        """An encoder with the same weights (shared) and another pooling."""
        return self._sharing_weights(replace(self.architecture, pooling=pooling))

    def without_readouts(self) -> Encoder:
        """An encoder with the same convolutions (shared) that returns features before readouts."""
        return self._sharing_weights(replace(self.architecture, readouts={}))

    def circular(self) -> Encoder:
        """An encoder with the same weights (shared) that sees an image as one tile of a plane.

        Every convolution is padded with the opposite side of its input, so a texture optimized with
        it has no border and tiles without a seam. If the poolings divide the image evenly, its
        features equal those of the middle tile of many, up to rounding.
        """
        encoder = self._sharing_weights(self.architecture)
        encoder.padding = "circular"
        return encoder.requires_grad_(False)

    def _sharing_weights(self, architecture: Architecture) -> Encoder:
        other = Encoder(architecture)
        other.convolutions, other.mean, other.std = self.convolutions, self.mean, self.std
        if architecture.readouts:
            other.readouts = self.readouts
        return other.train(self.training)

    def forward(self, image: Tensor, layers: Iterable[str]) -> dict[str, Tensor]:
        """The features of some layers, from one pass that ends at the deepest of them.

        Args:
            image: (B, 3, H, W), RGB, sRGB values in [0, 1] (values outside are not clipped).
            layers: Layer names in any order; ``RAW`` before a name gives its features before the
                readout.

        Returns:
            Layer name → (B, C, H', W'), shallow to deep, in the type of the weights.

        Raises:
            OptionError: For a layer that this encoder does not have.
            ImageError: For an image too small for the deepest layer.
        """
        requested = self.check_layers(layers)
        if not requested:
            return {}
        names = {name.removeprefix(RAW) for name in requested}
        deepest = self.layers[max(self.depth(name) for name in names)]
        self._check_image(image, deepest)
        x = self.normalize(image)
        features: dict[str, Tensor] = {}
        after_pooling = self._rectifiers_before_pooling() - names
        done = set(after_pooling)  # rectifiers that are not a step of their own
        for previous, name in zip(("", *self.layers), self.layers, strict=False):
            if name.startswith("conv") and is_fixed(layer := self.convolutions[name]):
                rectifier = name.replace("conv", "relu")
                rectify = name not in names and rectifier not in after_pooling
                x = convolve(layer, x, padding=self.padding, relu=rectify)
                if rectify:
                    done.add(rectifier)
            elif name not in done:
                x = self.layer(name, x, keep_input=_convolution_before(name) in names)
                x = F.relu(x, inplace=True) if previous in after_pooling else x
            if name in requested:
                features[name] = self.read_out(name, x)
            if RAW + name in requested:
                features[RAW + name] = x
            if name == deepest:
                break
        return features

    def _rectifiers_before_pooling(self) -> frozenset[str]:
        """Rectifiers that may be applied after the pooling instead, to a quarter of the values.

        The maximum of four values commutes with the rectifier; their average does not.
        """
        if self.architecture.pooling != "max":
            return frozenset()
        pairs = zip(self.layers, self.layers[1:], strict=False)
        return frozenset(name for name, after in pairs if after.startswith("pool"))

    @property
    def dtype(self) -> torch.dtype:
        """The type of the weights and the features."""
        return next(self.parameters()).dtype

    def check_layers(self, layers: Iterable[str]) -> frozenset[str]:
        """The set of these layers; an OptionError that lists the known ones for a wrong name."""
        names = dict.fromkeys(layers)
        for name in names:
            if name.removeprefix(RAW) not in self.layers:
                if name in VGG19.layers:
                    raise OptionError(
                        f"This encoder has no layer {name}, which vgg19 has: choose one of "
                        f"{', '.join(self.layers)}."
                    )
                raise unknown_name("layer of this encoder", name, self.layers)
        return frozenset(names)

    def channels(self, layer: str) -> int:
        """Channels of the features returned for ``layer``."""
        return self.architecture.readouts.get(layer, self.architecture.width(layer))

    def depth(self, layer: str) -> int:
        """Index of ``layer`` in ``layers``, with or without the prefix ``RAW``."""
        self.check_layers([layer])
        return self.layers.index(layer.removeprefix(RAW))

    def stride(self, layer: str) -> int:
        """Pixels of the image between neighbouring positions of ``layer``."""
        before = self.layers[: self.depth(layer) + 1]
        return int(2 ** sum(name.startswith("pool") for name in before))

    def minimum_side(self, layers: Iterable[str]) -> int:
        """The smallest height and width of an image, in pixels, for which ``layers`` exist.

        Reflection padding needs two positions each way at the deepest layer; so do covariances.
        """
        return 2 * max((self.stride(layer) for layer in layers), default=1)

    def halo(self, layers: Iterable[str]) -> int:
        """Pixels that the deepest of ``layers`` sees beyond its own position, each way."""
        return sum(self.stride(n) for n in self._up_to(layers) if n.startswith("conv"))

    def bytes_per_pixel(self, layers: Collection[str]) -> float:
        """Bytes of feature maps, forward and backward, per pixel of the image: an upper bound.

        Each convolution keeps its output, and allocates its padded input and its gradient for a
        time; a layer that a loss reads also exists in float32, with its gradient. The bound counts
        these of all convolutions at once.
        """
        size = torch.finfo(self.dtype).bits // 8
        total = 0.0
        for name in self._up_to(layers):
            area = self.stride(name) ** 2
            if name in self.architecture.convolutions:
                channels_in, channels_out = self.architecture.convolutions[name]
                total += size * (channels_in + 2 * channels_out) / area
            if name in layers or RAW + name in layers:
                total += (size + 3 * 4) * self.channels(name) / area
        return total

    def _up_to(self, layers: Iterable[str]) -> tuple[str, ...]:
        """All layers down to the deepest of these."""
        return self.layers[: max((self.depth(name) for name in layers), default=-1) + 1]

    def normalize(self, image: Tensor) -> Tensor:
        """The input of the first convolution for an image (B, 3, H, W) in [0, 1]."""
        x = (image - self.mean.to(image.dtype)) / self.std.to(image.dtype)
        return x.to(dtype=self.dtype, memory_format=fastest_layout(x.device, self.dtype))

    def layer(self, name: str, x: Tensor, *, keep_input: bool = True) -> Tensor:
        """The output of one layer; a rectifier overwrites its input unless ``keep_input``."""
        if name.startswith("conv"):
            # Padded separately: the reflection padding of nn.Conv2d would leave channels-last.
            convolution = self.convolutions[name]
            if self.padding == "zeros":
                return F.conv2d(x, convolution.weight, convolution.bias, padding=1)  # type: ignore[arg-type]
            x = F.pad(x, (1, 1, 1, 1), mode=self.padding)
            return F.conv2d(x, convolution.weight, convolution.bias)  # type: ignore[arg-type]
        if name.startswith("relu"):
            # In place unless the convolution's output is returned as well: no copy per layer.
            return F.relu(x, inplace=not keep_input)
        return F.max_pool2d(x, 2) if self.architecture.pooling == "max" else F.avg_pool2d(x, 2)

    def read_out(self, name: str, x: Tensor) -> Tensor:
        """The features returned for layer ``name``, from those before its readout."""
        if name not in self.readouts:
            return x
        # A matrix product: torch's 1×1 convolution takes twice as long, and keeps x.
        readout = self.readouts[name]
        weight, bias = readout.weight.flatten(1), readout.bias  # type: ignore[operator]
        x = F.linear(x.permute(0, 2, 3, 1), weight, bias).permute(0, 3, 1, 2)  # type: ignore[arg-type]
        return F.relu(x, inplace=True) if self.architecture.readouts_rectified else x

    def linear_readouts(self) -> dict[str, Readout]:
        """Layer → W (C', C) and b (C') where its features are W f + b of ``RAW + layer``.

        None for a subclass with a ``forward`` of its own, which may return something else.
        """
        if self.architecture.readouts_rectified or type(self).forward is not Encoder.forward:
            return {}
        return {
            name: (readout.weight.flatten(1), readout.bias)  # type: ignore[operator, misc]
            for name, readout in self.readouts.items()
        }

    def _check_image(self, image: Tensor, deepest: str) -> None:
        if image.ndim != 4 or image.shape[1] != 3 or not image.is_floating_point():
            raise ImageError(
                "An encoder takes pictures of shape (B, 3, H, W) with values in [0, 1], "
                f"not {image.dtype} of shape {tuple(image.shape)}."
            )
        least = self.minimum_side([deepest])
        if min(image.shape[-2:]) < least:
            height, width = image.shape[-2:]
            raise ImageError(
                f"A picture of {width}×{height} px is too small for {deepest}: "
                f"it needs at least {least} px each way, so enlarge it."
            )


def _convolution_before(name: str) -> str:
    """The convolution whose output the rectifier ``name`` would overwrite."""
    return name.replace("relu", "conv") if name.startswith("relu") else ""
