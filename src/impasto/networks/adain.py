"""AdaIN: a style is the means and deviations of its features (Huang & Belongie 2017).

Arbitrary style transfer in real time with adaptive instance normalization (arXiv:1703.06868): a
frozen encoder computes the content's relu4_1, every channel is given the mean and the deviation
that it has in the style picture, and a decoder, the only part that is trained, paints a picture.

The style vector holds σ − 1 and μ of the style's relu4_1. The content's own vector changes
nothing, so the paper's strength α, a mixture of the features before and after, is the same mixture
of the content's and the style's vectors.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import replace
from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from impasto.encoders.vgg import Encoder
from impasto.errors import OptionError
from impasto.images.picture import as_float, match_dtype
from impasto.losses.moments import Summary
from impasto.networks.base import Affine, StyledNetwork, StyleReader
from impasto.networks.kind import NetworkKind
from impasto.networks.normalization import EPSILON, StagedForward
from impasto.nn.convolution import Convolution
from impasto.weights.open import open_encoder

LAYER = "relu4_1"
"""The layer whose means and deviations are a style."""


class AdaINNetwork(StyledNetwork):
    """Content picture and style vector in, painted picture out.

    The output is (B, 3, H, W) in [0, 1] in evaluation mode. In training mode it is not clamped,
    because a clamped pixel has no gradient.

    Args:
        encoder: Encodes the content. The network keeps a frozen copy of its layers up to relu4_1,
            which follows it to other devices and types, but is not in its ``parameters`` and
            ``state_dict``.

    Raises:
        OptionError: If the encoder has no relu4_1.
    """

    kind = "adain"

    def __init__(self, encoder: Encoder) -> None:
        super().__init__()
        encoder.check_layers([LAYER])
        # In a tuple, so that it does not become a submodule.
        self._frozen = (_truncated(encoder),)
        self.modulated[LAYER] = width = encoder.channels(LAYER)
        self.strides[LAYER] = self.stride = encoder.stride(LAYER)
        for name in self._path:
            if name.startswith("conv"):
                out, _ = encoder.architecture.convolutions[name]
                convolution = Convolution(width, out, 3)
                self.add_plain(name, convolution)
                # A decoder has no normalization: this gain keeps the signal's size through ReLUs.
                nn.init.kaiming_normal_(convolution.weight, nonlinearity="relu")
                width = out
        self.to(memory_format=torch.channels_last)  # type: ignore[call-overload]

    @property
    def encoder(self) -> Encoder:
        """The content's encoder: frozen, and no deeper than block 4."""
        return self._frozen[0]

    @property
    def halo(self) -> int:  # type: ignore[override]
        """How far a pixel sees through the decoder and the encoder."""
        reach = 0
        for name in reversed(self._path):
            reach = reach + 1 if name.startswith("conv") else -(-reach // 2)
        for name in self._path:
            reach = reach + 1 if name.startswith("conv") else 2 * reach
        return reach

    def peak_values(self, pixels: int) -> float:
        """See :class:`StyledNetwork`: the peak is at the encoder's maps of full size."""
        return (9 + 4 * self.encoder.architecture.widths[0]) * pixels

    def staged_forward(
        self, image: Tensor, style: Affine, *, origin: tuple[int, int] = (0, 0)
    ) -> StagedForward:
        """See :class:`StyledNetwork`.

        Raises:
            ImageError: For a picture of fewer than 2 × ``stride`` pixels each way.
        """
        x = self.encoder(as_float(image), [LAYER])[LAYER]
        x = self.decode((yield from self.modulate(LAYER, x, style)))
        return match_dtype(x, image)

    def decode(self, features: Tensor) -> Tensor:
        """The picture (B, 3, H, W) of features (B, C, H / stride, W / stride) of relu4_1."""
        x = features.to(self.dtype)
        for name in self._path:
            if name.startswith("pool"):
                x = F.interpolate(x, scale_factor=2, mode="nearest")
            else:
                x = self.convolve(name, x)
                x = x if name == "conv1_1" else F.relu_(x)
        return x.float() if self.training else x.float().clamp(0, 1)

    @property
    def _path(self) -> tuple[str, ...]:
        """The encoder's convolutions and poolings as the decoder mirrors them, deep to shallow."""
        before = self.encoder.layers[: self.encoder.layers.index(LAYER)]
        return tuple(name for name in reversed(before) if not name.startswith("relu"))

    def _apply(self, fn: Callable[[Tensor], Tensor], recurse: bool = True) -> AdaINNetwork:
        # ``to``, ``double``, ``cuda`` … all end here.
        self.encoder._apply(fn, recurse)  # type: ignore[no-untyped-call]
        super()._apply(fn, recurse)  # type: ignore[no-untyped-call]
        return self


class MomentsReader(StyleReader):
    """Style vectors that are the style's own means and deviations; nothing is learnt.

    Args:
        channels: Layer → its channels, in the network's order: ``network.modulated``.
    """

    def __init__(self, channels: Mapping[str, int]) -> None:
        super().__init__()
        self.channels = dict(channels)

    @property
    def layers(self) -> tuple[str, ...]:
        """See :class:`StyleReader`."""
        return tuple(self.channels)

    def forward(self, summaries: Mapping[str, Summary]) -> Tensor:
        """See :class:`StyleReader`."""
        parts = []
        for name in self.channels:
            mean, gram = summaries[name]["mean"], summaries[name]["gram"]
            variance = gram.diagonal(dim1=-2, dim2=-1) - mean.square()
            # The ε of the normalization, so that a picture's own style changes nothing in it.
            parts += [(variance.clamp_min(0) + EPSILON).sqrt() - 1, mean]
        return torch.cat(parts, 1)


def _truncated(encoder: Encoder) -> Encoder:
    """A frozen copy that ends after the first convolution of block 4 (a sixth of VGG-19)."""
    whole = encoder.architecture
    part = Encoder(
        replace(
            whole,
            widths=whole.widths[:4],
            depths=(*whole.depths[:3], 1),
            readouts={name: width for name, width in whole.readouts.items() if name == LAYER},
        )
    )
    weights = encoder.state_dict()
    part.load_state_dict({key: weights[key] for key in part.state_dict()})
    return part.to(encoder.mean.device, encoder.dtype).frozen()


def _build(encoder: str, sizes: Mapping[str, Any]) -> AdaINNetwork:
    if sizes:
        raise OptionError(f"An adain network has no {', '.join(sizes)}: its encoder sets its size.")
    return AdaINNetwork(open_encoder(encoder))


KIND = NetworkKind(
    build=_build,
    describe=lambda network: {},
    read=lambda description, tensors: _build(str(description["encoder"]), {}),
    style_reader=lambda network: MomentsReader(network.modulated),
)
