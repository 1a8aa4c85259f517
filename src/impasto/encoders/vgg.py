"""VGG-shaped encoders: a picture in, the features of the layers asked for out.

One class serves VGG-16, VGG-19, our own ``compact`` and any distilled relative: they differ in the
width of their blocks, their depth, their pooling and their padding, and in nothing else. Layers
have the names of the papers: ``conv4_2`` before and ``relu4_2`` after the rectifier, ``pool4``
after the pooling that ends block 4 (Simonyan & Zisserman 2015, arXiv:1409.1556).
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from impasto.errors import ImageError, OptionError, unknown_name
from impasto.nn.convolution import Convolution, convolve, is_fixed

POOLINGS = ("max", "average")
PADDINGS = ("zeros", "reflect", "replicate")

BARE = "bare "
"""Before a layer's name: its features as the next layer sees them, before a readout."""


@dataclass(frozen=True)
class Architecture:
    """What tells one VGG-shaped encoder from another.

    Attributes:
        widths: Channels of each block.
        depths: Convolutions of each block.
        pooling: ``"max"`` (as VGG was trained) or ``"average"`` (Gatys et al. 2015: "improves the
            gradient flow", cleaner pictures).
        padding: How the 3×3 convolutions see beyond the border: ``"zeros"`` (as VGG was trained),
            ``"reflect"`` or ``"replicate"`` (no dark rim).
        mean: Channel means taken off the picture (RGB, of values in [0, 1]).
        std: Channel deviations the picture is divided by.
        readouts: Width of the 1×1 map through which a layer is read, where it has one. A readout
            changes what is handed out as that layer, not what the next layer sees: a distilled
            encoder uses it to speak in its teacher's metric.
        readouts_rectified: Whether readouts end in a rectifier, as VGG's own layers do.
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
        """How many channels ``layer`` has before its readout."""
        if layer not in self.layers:
            raise unknown_name("layer of this encoder", layer, self.layers)
        return self.widths[int(layer[4:].partition("_")[0]) - 1]


VGG16 = Architecture(widths=(64, 128, 256, 512, 512), depths=(2, 2, 3, 3, 3))
VGG19 = Architecture(widths=(64, 128, 256, 512, 512), depths=(2, 2, 4, 4, 4))


class Encoder(nn.Module):
    """A VGG-shaped feature extractor.

    The module is channels-last inside, whatever the layout of the picture, and computes in the
    type of its weights (``encoder.to(torch.bfloat16)`` where that is faster, see
    :mod:`impasto.runtime.precision`).

    Args:
        architecture: Widths, depths, pooling and padding.
    """

    mean: Tensor
    std: Tensor

    def __init__(self, architecture: Architecture) -> None:
        super().__init__()
        self.architecture = architecture
        with torch.random.fork_rng(devices=[]):  # the weights drawn here are to be replaced
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
        """An encoder with the same weights (shared, not copied) and another pooling."""
        other = Encoder(replace(self.architecture, pooling=pooling))
        other.convolutions, other.readouts = self.convolutions, self.readouts
        other.mean, other.std = self.mean, self.std
        return other.train(self.training)

    def without_readouts(self) -> Encoder:
        """An encoder with the same convolutions (shared) that hands out its own features bare."""
        other = Encoder(replace(self.architecture, readouts={}))
        other.convolutions = self.convolutions
        other.mean, other.std = self.mean, self.std
        return other.train(self.training)

    def forward(self, image: Tensor, layers: Iterable[str]) -> dict[str, Tensor]:
        """The features of one or more layers, from one pass that ends at the deepest of them.

        Args:
            image: (B, 3, H, W), RGB, sRGB values in [0, 1] (values outside are not clipped).
            layers: Names of layers, in any order, ``BARE`` before those to be had without readout.

        Returns:
            Layer name → (B, C, H', W'), shallow to deep, in the encoder's own type.

        Raises:
            OptionError: For a layer that this encoder has not.
            ImageError: For a picture too small for the deepest layer.
        """
        asked = self.check_layers(layers)
        if not asked:
            return {}
        wanted = {name.removeprefix(BARE) for name in asked}
        deepest = self.layers[max(self.depth(name) for name in wanted)]
        self._check_image(image, deepest)
        x = self.normalize(image)
        features: dict[str, Tensor] = {}
        late = self._late_rectifiers() - wanted
        elsewhere = set(late)  # rectifiers that are no step of their own
        for before, name in zip(("", *self.layers), self.layers, strict=False):
            if name.startswith("conv") and is_fixed(layer := self.convolutions[name]):
                rectifier = name.replace("conv", "relu")
                rectify = name not in wanted and rectifier not in late
                x = convolve(layer, x, padding=self.padding, rectify=rectify)
                if rectify:
                    elsewhere.add(rectifier)
            elif name not in elsewhere:
                x = self.layer(name, x, keep_input=_before(name) in wanted)
                x = F.relu(x, inplace=True) if before in late else x
            if name in asked:
                features[name] = self.read_out(name, x)
            if BARE + name in asked:
                features[BARE + name] = x
            if name == deepest:
                break
        return features

    def _late_rectifiers(self) -> frozenset[str]:
        """Rectifiers that do the same after the pooling behind them, with a quarter of the units.

        The largest of four is above zero where one of them is; of averages that is not true.
        """
        if self.architecture.pooling != "max":
            return frozenset()
        pairs = zip(self.layers, self.layers[1:], strict=False)
        return frozenset(name for name, after in pairs if after.startswith("pool"))

    @property
    def padding(self) -> str:
        """What its convolutions see beyond the border, one of :data:`impasto.nn.padding.BORDERS`."""
        return self.architecture.padding

    @property
    def dtype(self) -> torch.dtype:
        """The type that the encoder computes in."""
        return next(self.parameters()).dtype

    def check_layers(self, layers: Iterable[str]) -> frozenset[str]:
        """The set of the layers named; an error that lists the right ones for a wrong name."""
        wanted = dict.fromkeys(layers)
        for name in wanted:
            if name.removeprefix(BARE) not in self.layers:
                if name in VGG19.layers:
                    raise OptionError(
                        f"This encoder has no layer {name}, which vgg19 has: choose one of "
                        f"{', '.join(self.layers)}."
                    )
                raise unknown_name("layer of this encoder", name, self.layers)
        return frozenset(wanted)

    def channels(self, layer: str) -> int:
        """How many channels ``layer`` is handed out with."""
        return self.architecture.readouts.get(layer, self.architecture.width(layer))

    def depth(self, layer: str) -> int:
        """How many layers are shallower than ``layer``, bare or not."""
        self.check_layers([layer])
        return self.layers.index(layer.removeprefix(BARE))

    def stride(self, layer: str) -> int:
        """How many pixels of the picture lie between neighbouring units of ``layer``."""
        before = self.layers[: self.depth(layer) + 1]
        return int(2 ** sum(name.startswith("pool") for name in before))

    def normalize(self, image: Tensor) -> Tensor:
        """What the first convolution sees of a picture."""
        x = (image - self.mean.to(image.dtype)) / self.std.to(image.dtype)
        return x.to(dtype=self.dtype, memory_format=torch.channels_last)

    def layer(self, name: str, x: Tensor, *, keep_input: bool = True) -> Tensor:
        """What one layer alone makes of its input; a rectifier may overwrite it if told so."""
        if name.startswith("conv"):
            # Padding outside the convolution: its own reflection padding leaves channels-last.
            convolution = self.convolutions[name]
            if self.padding == "zeros":
                return F.conv2d(x, convolution.weight, convolution.bias, padding=1)  # type: ignore[arg-type]
            x = F.pad(x, (1, 1, 1, 1), mode=self.padding)
            return F.conv2d(x, convolution.weight, convolution.bias)  # type: ignore[arg-type]
        if name.startswith("relu"):
            # In place unless the convolution's output was asked for: no copy per layer.
            return F.relu(x, inplace=not keep_input)
        return F.max_pool2d(x, 2) if self.architecture.pooling == "max" else F.avg_pool2d(x, 2)

    def read_out(self, name: str, x: Tensor) -> Tensor:
        """What is handed out as layer ``name`` whose bare features are ``x``."""
        if name not in self.readouts:
            return x
        # As a product over positions: torch's convolution of 1×1 takes twice as long, and keeps x.
        readout = self.readouts[name]
        weight, bias = readout.weight.flatten(1), readout.bias  # type: ignore[operator]
        x = F.linear(x.permute(0, 2, 3, 1), weight, bias).permute(0, 3, 1, 2)  # type: ignore[arg-type]
        return F.relu(x, inplace=True) if self.architecture.readouts_rectified else x

    def linear_readouts(self) -> dict[str, tuple[Tensor, Tensor]]:
        """Layer → W (C', C) and b (C') where it is handed out as W f + b of its bare features."""
        if self.architecture.readouts_rectified:
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
        # Reflection needs two units each way at the deepest layer; so do covariances.
        least = 2 * self.stride(deepest)
        if min(image.shape[-2:]) < least:
            height, width = image.shape[-2:]
            raise ImageError(
                f"A picture of {width}×{height} px is too small for {deepest}: "
                f"it needs at least {least} px each way, so enlarge it."
            )


def _before(name: str) -> str:
    """The convolution whose output the rectifier ``name`` would overwrite."""
    return name.replace("relu", "conv") if name.startswith("relu") else ""


def minimum_side(layers: Iterable[str], encoder: Encoder) -> int:
    """The least width and height in pixels of a picture whose ``layers`` can be computed."""
    return 2 * max((encoder.stride(layer) for layer in layers), default=1)
