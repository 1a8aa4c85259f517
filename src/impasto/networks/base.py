"""What all one-pass networks share: a style is a vector of a γ and a β for every normalized map.

Whether the vector is looked up (one net per style, Johnson et al. 2016, arXiv:1603.08155; many
styles in one net, Dumoulin et al. 2017, arXiv:1610.07629), predicted from a style picture (Ghiasi
et al. 2017, arXiv:1705.06830) or simply the style's own means and deviations (AdaIN, Huang &
Belongie 2017, arXiv:1703.06868) is no concern of the network: see :mod:`impasto.networks.style_predictor`. So
mixtures of styles, their strength and masks are arithmetic on vectors, the same for every kind.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import TypeAlias

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from impasto.errors import ImageError
from impasto.networks.normalization import StagedForward, normalize, reflected, run_staged

Affine: TypeAlias = Mapping[str, tuple[Tensor, Tensor]]
"""Layer → γ and β, each (B, C), or a map (B, C, H, W) of the layer's size."""


class StyledNetwork(nn.Module):
    """A network whose normalized maps are scaled and shifted by a style.

    Subclasses call :meth:`add` for every normalized convolution, and define :meth:`walk`.

    Attributes:
        modulated: Layer → its channels, in the order of the style vector.
        strides: Layer → pixels of the picture between its units.
        stride: Height and width are padded to multiples of it.
        first_style: What a new style begins training at, (style_size,); zeros if None.
        halo: How many pixels beyond itself a block of ``stride`` output pixels sees, each way, when
            moments are given: what a tile needs around it.
    """

    stride: int
    halo: int

    def __init__(self) -> None:
        super().__init__()
        self.convolutions = nn.ModuleDict()
        self.modulated: dict[str, int] = {}
        self.strides: dict[str, int] = {}
        self.first_style: Tensor | None = None

    @property
    def style_size(self) -> int:
        """Numbers in a style vector: a γ and a β for every normalized channel."""
        return 2 * sum(self.modulated.values())

    @property
    def dtype(self) -> torch.dtype:
        """The type that the network computes in."""
        return next(self.parameters()).dtype

    @property
    def running_moments(self) -> list[Tensor]:
        """What training keeps besides weights, to be changed in place; nothing here."""
        return []

    @property
    def held(self) -> float:
        """Numbers per pixel of the picture that a walk holds while it waits, about.

        The photograph and the painted picture, and at every stride the widest of the maps that a
        style modulates.
        """
        widest: dict[int, int] = {}
        for name, width in self.modulated.items():
            stride = self.strides[name]
            widest[stride] = max(widest.get(stride, 0), width)
        return 6 + sum(width / stride**2 for stride, width in widest.items())

    def busy(self, pixels: int) -> float:
        """Numbers that a walk holds at most on its way, about.

        Here of every map its padded copy, and what is made of it.

        Args:
            pixels: Of the picture.
        """
        return 4 * self.held * pixels

    @property
    def of_style(self) -> float:
        """Numbers per pixel that γ and β of the largest map take, where they differ by place."""
        return 2 * max(width / self.strides[name] ** 2 for name, width in self.modulated.items())

    def split(self, style: Tensor) -> dict[str, tuple[Tensor, Tensor]]:
        """Layer → (γ, β), each (B, C), of style vectors (B, style_size) told as γ − 1 and β."""
        parts: dict[str, tuple[Tensor, Tensor]] = {}
        start = 0
        for name, width in self.modulated.items():
            scale, shift = style[:, start : start + 2 * width].split(width, 1)  # type: ignore[no-untyped-call]
            parts[name] = (1 + scale, shift)
            start += 2 * width
        return parts

    def forward(self, image: Tensor, style: Tensor) -> Tensor:
        """Paint.

        Args:
            image: (B, 3, H, W) in [0, 1], or uint8.
            style: (B, style_size), see :meth:`split`; of one picture, several styles paint as many.

        Returns:
            (B, 3, H, W) in [0, 1], or uint8 for a uint8 picture.

        Raises:
            ImageError: For a picture of no more than ``stride`` pixels each way.
        """
        self.check_size(image)
        if len(image) == 1:
            image = image.expand(len(style), -1, -1, -1)
        height, width = image.shape[-2:]
        painted = run_staged(self.walk(self.padded(image), self.split(style)))
        return painted[..., :height, :width]

    def check_size(self, image: Tensor) -> None:
        """Refuse a picture too small to be mirrored at its borders (ImageError)."""
        least = self.stride + 1
        if min(image.shape[-2:]) < least:
            height, width = image.shape[-2:]
            raise ImageError(
                f"A picture of {width}×{height} px is too small for this network: "
                f"it needs at least {least} px each way, so enlarge it."
            )

    def padded(self, image: Tensor) -> Tensor:
        """The picture with its last row and column repeated up to multiples of ``stride``."""
        down, right = (-length % self.stride for length in image.shape[-2:])
        return F.pad(image, (0, right, 0, down), mode="replicate") if down or right else image

    def walk(
        self, image: Tensor, style: Affine, *, origin: tuple[int, int] = (0, 0)
    ) -> StagedForward:
        """The network as a walk (see :mod:`impasto.networks.normalization`).

        Args:
            image: (B, 3, H, W) in [0, 1], height and width multiples of ``stride``; uint8 is taken
                as 255ths, and the picture at the end is in uint8, too.
            style: What every normalized map is scaled and shifted by.
            origin: Row and column of the picture's first pixel in the whole picture, multiples of
                ``stride``.
        """
        raise NotImplementedError

    def add(self, name: str, convolution: nn.Conv2d, stride: int) -> None:
        """A convolution whose output, with ``stride`` pixels between units, a style modulates."""
        self.add_plain(name, convolution)
        self.modulated[name] = convolution.out_channels
        self.strides[name] = stride

    def add_plain(self, name: str, convolution: nn.Conv2d) -> None:
        """A convolution that no style modulates."""
        # On no device, as when a file is read, torch would load its compiler to draw numbers.
        if not convolution.weight.is_meta:
            nn.init.kaiming_normal_(convolution.weight, nonlinearity="linear")
            if convolution.bias is not None:
                nn.init.zeros_(convolution.bias)
        self.convolutions[name] = convolution

    def convolve(self, name: str, x: Tensor) -> Tensor:
        """What one of the convolutions makes of a map, mirrored beyond its border."""
        return reflected(self.convolution(name), x)

    def convolution(self, name: str) -> nn.Conv2d:
        """One of the convolutions."""
        convolution = self.convolutions[name]
        assert isinstance(convolution, nn.Conv2d)
        return convolution

    def normal(self, name: str, x: Tensor, style: Affine) -> StagedForward:
        """The step of a walk that normalizes ``x``, the output of convolution ``name``."""
        moments = yield x
        return normalize(x, moments, *style[name], overwrite=True)
