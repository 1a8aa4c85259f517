"""What all one-pass networks share: a style is a vector of γ and β for every normalized map.

A style vector can be looked up (one network per style, Johnson et al. 2016, arXiv:1603.08155; one
network for many, Dumoulin et al. 2017, arXiv:1610.07629). It can be predicted from a style picture
(Ghiasi et al. 2017, arXiv:1705.06830), or be the style's own means and deviations (AdaIN, Huang &
Belongie 2017, arXiv:1703.06868). The network does not know which: mixtures, strength and masks are
arithmetic on vectors, the same for every kind.

One pass: :meth:`StyledNetwork.forward` pads the picture, :meth:`~StyledNetwork.split` turns the
vector into γ and β by layer, and :meth:`~StyledNetwork.staged_forward` yields each map to be
normalized until it returns the painted picture (see :mod:`impasto.networks.normalization`).
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, TypeAlias

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from impasto.errors import ImageError
from impasto.losses.moments import Summary
from impasto.networks.normalization import (
    StagedForward,
    convolve_reflect,
    instance_norm,
    normalize,
    run_staged,
)
from impasto.runtime.tracing import needs_plain_operations

Affine: TypeAlias = Mapping[str, tuple[Any, ...]]
"""Layer → γ and β, each a tensor (B, C), or a map (B, C, H, W) of the layer's size: a tensor or a
:class:`~impasto.networks.region_maps.RegionMap`.

Networks may have further parts, of one tensor each. Those that are not mixed by place
(``StyledNetwork.by_region``) are (R, C) where a style changes by place, and their second tensor is
the regions' shares (1, R, H, W) of each pixel, which may be uint8.
"""


class StyledNetwork(nn.Module):
    """A network whose normalized maps are scaled and shifted by a style vector.

    Subclasses call :meth:`add_modulated` for every normalized convolution, and define
    :meth:`staged_forward`.

    Attributes:
        kind: Name in :data:`impasto.networks.registry.NETWORKS`.
        modulated: Layer → its channels, in the order of the style vector.
        strides: Layer → pixels of the picture between its units.
        by_region: Parts of a style that depend on a region's vector as a whole, and cannot be mixed
            by place.
        maps_in_bands: Whether γ and β that change by place, and what else regions need at full
            size, are made for a few rows at a time.
        stride: Height and width are padded to multiples of it.
        initial_style: Where training of a new style starts, (style_size,); zeros if None.
        halo: How many pixels beyond itself a block of ``stride`` output pixels sees, each way, for
            given moments: the margin that a tile needs.
    """

    kind: str
    stride: int
    halo: int
    by_region: frozenset[str] = frozenset()
    maps_in_bands: bool = True

    def __init__(self) -> None:
        super().__init__()
        self.convolutions = nn.ModuleDict()
        self.modulated: dict[str, int] = {}
        self.strides: dict[str, int] = {}
        self.initial_style: Tensor | None = None

    # --- One pass -----------------------------------------------------------------------------

    def forward(self, image: Tensor, style: Tensor, *, origin: tuple[int, int] = (0, 0)) -> Tensor:
        """Paint a picture.

        Args:
            image: (B, 3, H, W) in [0, 1], or uint8.
            style: (B, style_size), see :meth:`split`; one picture can be given several styles.
            origin: See :meth:`staged_forward`.

        Returns:
            (B, 3, H, W) in [0, 1]; uint8 for a uint8 picture.

        Raises:
            ImageError: If a side of the picture is no more than ``stride`` pixels.
        """
        self.check_size(image)
        if len(image) == 1:
            image = image.expand(len(style), -1, -1, -1)
        height, width = image.shape[-2:]
        forward = self.staged_forward(self.padded(image), self.split(style), origin=origin)
        return run_staged(forward)[..., :height, :width]

    def check_size(self, image: Tensor) -> None:
        """Raise an ImageError if a picture is too small for reflection padding."""
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

    @property
    def style_size(self) -> int:
        """Length of a style vector: a γ and a β for every normalized channel."""
        return 2 * sum(self.modulated.values())

    @property
    def palette_size(self) -> int:
        """How many numbers at the end of a style vector are measured of the style's colours.

        See :mod:`impasto.networks.colour_map`; none here.
        """
        return 0

    def split(self, style: Tensor) -> dict[str, tuple[Tensor, ...]]:
        """Layer → (γ, β), each (B, C), of style vectors (B, style_size) that hold γ − 1 and β."""
        parts: dict[str, tuple[Tensor, ...]] = {}
        start = 0
        for name, width in self.modulated.items():
            scale, shift = style[:, start : start + 2 * width].split(width, 1)  # type: ignore[no-untyped-call]
            parts[name] = (1 + scale, shift)
            start += 2 * width
        return parts

    def staged_forward(
        self, image: Tensor, style: Affine, *, origin: tuple[int, int] = (0, 0)
    ) -> StagedForward:
        """The forward pass as a generator (see :mod:`impasto.networks.normalization`).

        Args:
            image: (B, 3, H, W) in [0, 1], height and width multiples of ``stride``. A uint8 picture
                counts in 255ths, and the result is uint8 then.
            style: γ and β of every normalized map.
            origin: Row and column of the picture's first pixel in the whole picture, multiples of
                ``stride``.
        """
        raise NotImplementedError

    # --- Building blocks for subclasses -------------------------------------------------------

    def add_modulated(self, name: str, convolution: nn.Conv2d, stride: int) -> None:
        """Add a convolution whose output (``stride`` pixels between units) a style modulates."""
        self.add_plain(name, convolution)
        self.modulated[name] = convolution.out_channels
        self.strides[name] = stride

    def add_plain(self, name: str, convolution: nn.Conv2d) -> None:
        """Add a convolution whose output no style modulates."""
        # Initializing on the meta device, where files are read, makes torch import its compiler.
        if not convolution.weight.is_meta:
            nn.init.kaiming_normal_(convolution.weight, nonlinearity="linear")
            if convolution.bias is not None:
                nn.init.zeros_(convolution.bias)
        self.convolutions[name] = convolution

    def convolve(self, name: str, x: Tensor) -> Tensor:
        """The output of a convolution, with reflection padding."""
        return convolve_reflect(self.convolution(name), x)

    def convolution(self, name: str) -> nn.Conv2d:
        """The convolution of that name."""
        convolution = self.convolutions[name]
        assert isinstance(convolution, nn.Conv2d)
        return convolution

    def modulate(self, name: str, x: Tensor, style: Affine) -> StagedForward:
        """The stage that normalizes, scales and shifts ``x``, the output of convolution ``name``.

        It overwrites ``x`` where gradients are disabled.
        """
        if needs_plain_operations():
            return instance_norm(x, *style[name])
        moments = yield x
        return normalize(x, moments, *style[name], overwrite=True)

    @property
    def dtype(self) -> torch.dtype:
        """The type that the network computes in."""
        return next(self.parameters()).dtype

    @property
    def running_moments(self) -> list[Tensor]:
        """Buffers that training updates in place, to be averaged over processes; none here."""
        return []

    # --- Memory, to plan tiles ----------------------------------------------------------------

    @property
    def held_values(self) -> float:
        """Values per pixel that a paused staged forward pass holds, approximately.

        Here the photograph and the painted picture, and for every stride its widest modulated map.
        """
        widest: dict[int, int] = {}
        for name, width in self.modulated.items():
            stride = self.strides[name]
            widest[stride] = max(widest.get(stride, 0), width)
        return 6 + sum(width / stride**2 for stride, width in widest.items())

    def peak_values(self, pixels: int) -> float:
        """Values that a forward pass over a picture of that many pixels holds at its peak, about.

        Here every map, its padded copy, and what is computed from it.
        """
        return 4 * self.held_values * pixels

    @property
    def share_strides(self) -> frozenset[int]:
        """The strides at which the shares of regions are needed."""
        return frozenset(self.strides.values()) | ({1} if self.by_region else frozenset())

    @property
    def style_map_values(self) -> float:
        """Values per pixel of the largest layer's γ and β, where they are maps."""
        return 2 * max(width / self.strides[name] ** 2 for name, width in self.modulated.items())


class StyleReader(nn.Module):
    """Computes style vectors from the statistics of style pictures.

    Attributes:
        layers: The encoder's layers whose statistics are needed. It can also be
            :data:`impasto.networks.styles.COLOURS`: the statistics of the picture's own values.
    """

    @property
    def layers(self) -> tuple[str, ...]:
        """See the class."""
        raise NotImplementedError

    def forward(self, summaries: Mapping[str, Summary]) -> Tensor:
        """Style vectors (B, style_size) of the summaries of style pictures.

        Args:
            summaries: Layer → ``mean`` (B, C) and ``gram`` (B, C, C) of its features.
        """
        raise NotImplementedError

    def describe(self) -> dict[str, Any]:
        """The sizes it was built with, as JSON values for a model's file."""
        return {}
