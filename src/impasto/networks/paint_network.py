"""The network that ships: most of its work is at low resolution, where a CPU is fast.

On a CPU, work at full resolution is expensive whatever its arithmetic. So the picture is reduced to
half its size by pixel unshuffle (Shi et al. 2016, arXiv:1609.05158), processed at a quarter, an
eighth and a sixteenth, and enlarged again. At the end the picture at half size is concatenated, so
that lines stay sharp. Residual blocks and instance normalization follow Johnson et al. 2016
(arXiv:1603.08155) and Ulyanov et al. 2016 (arXiv:1607.08022).
"""

from __future__ import annotations

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from impasto.images.picture import as_float, match_dtype
from impasto.networks import coarse_maps, half_size
from impasto.networks.base import Affine, StyledNetwork
from impasto.networks.coarse_maps import enlarged, smoothly_enlarged, sum_into
from impasto.networks.kind import shape_kind
from impasto.networks.noise import noise, noise_tile
from impasto.networks.normalization import StagedForward
from impasto.networks.region_maps import StyleMap, as_tensor
from impasto.networks.shapes import PaintShape as PaintShape
from impasto.nn.bands import MAX_UNITS, Band, in_bands
from impasto.nn.convolution import Convolution


class PaintNetwork(StyledNetwork):
    """Content picture and style vector in, painted picture out."""

    kind = "paint"
    stride = 16
    noise_tile: Tensor

    def __init__(self, shape: PaintShape | None = None) -> None:
        super().__init__()
        self.shape = shape = shape or PaintShape()
        self._enlarged = smoothly_enlarged if shape.noise else enlarged
        quarter, eighth, sixteenth = shape.widths

        def plain(before: int, after: int, kernel: int = 3, stride: int = 1) -> nn.Conv2d:
            kind = Convolution if (kernel, stride) == (3, 1) else nn.Conv2d
            return kind(before, after, kernel, stride, bias=False)

        def blocks(name: str, count: int, width: int, stride: int) -> None:
            for index in range(count):
                self.add_modulated(f"{name}{index}a", plain(width, width), stride)
                self.add_modulated(f"{name}{index}b", plain(width, width), stride)

        self.add_modulated("quarter", plain(12, quarter, stride=2), 4)
        self.add_modulated("eighth", plain(quarter, eighth, stride=2), 8)
        blocks("down", shape.blocks[0], eighth, 8)
        self.add_modulated("sixteenth", plain(eighth, sixteenth, stride=2), 16)
        blocks("deep", shape.blocks[1], sixteenth, 16)
        blocks("up", shape.blocks[2], eighth, 8)
        self.add_modulated("fine", plain(quarter, quarter), 4)
        self.add_modulated("head", plain(shape.detail + 12, shape.head), 2)
        self.add_plain("widen_eighth", plain(sixteenth, eighth, 1))
        self.add_plain("widen_quarter", plain(eighth, quarter, 1))
        self.add_plain("detail", nn.Conv2d(quarter, 4 * shape.detail, 3))
        self.add_plain("picture", nn.Conv2d(shape.head, 12, 3))
        if shape.noise:
            # Not in files, but moved with the network, and kept in graphs.
            self.register_buffer("noise_tile", noise_tile(shape.noise), persistent=False)
            self.add_plain("noise_eighth", plain(shape.noise, eighth, 1))
            self.add_plain("noise_sixteenth", plain(shape.noise, sixteenth, 1))
        self.to(memory_format=torch.channels_last)  # type: ignore[call-overload]

    @property
    def halo(self) -> int:  # type: ignore[override]
        """How far a unit of 16 px sees: two such units, and two more units in each block.

        The rest is rounded up to whole units (measured). Smooth enlargement sees one unit more.
        """
        down, deep, up = self.shape.blocks
        return (3 if self.shape.noise else 2) * 16 + 2 * 8 * (down + up) + 2 * 16 * deep

    @property
    def held_values(self) -> float:
        """See :class:`StyledNetwork`."""
        return coarse_maps.held_values(self.shape.widths)

    def peak_values(self, pixels: int) -> float:
        """See :class:`StyledNetwork`: the held values, two more maps, and one band's maps."""
        more = 2 * self.shape.widths[1] / 64
        return (self.held_values + more) * pixels + 20 * min(pixels, 16 * MAX_UNITS)

    def staged_forward(
        self, image: Tensor, style: Affine, *, origin: tuple[int, int] = (0, 0)
    ) -> StagedForward:
        """See :class:`StyledNetwork`."""
        x = yield from self._coarse_forward(self._first(image), style, origin)
        # Scaled and shifted only: normalizing at half size would cost as much as a convolution.
        return self._last(x, image, *style["head"])

    def _coarse_forward(self, x: Tensor, style: Affine, origin: tuple[int, int]) -> StagedForward:
        """All between the first convolution's output and the map that the last layers paint."""
        down, deep, up = self.shape.blocks
        # Each map is assigned to x before the yield: a paused pass then holds no earlier map.
        quarter = F.relu_((yield from self.modulate("quarter", x, style)))
        x = self._add_noise("eighth", self.convolve("eighth", quarter), origin, 8)
        x = F.relu_((yield from self.modulate("eighth", x, style)))
        for index in range(down):
            x = yield from self._block(f"down{index}", x, style)
        eighth = x
        x = self._add_noise("sixteenth", self.convolve("sixteenth", eighth), origin, 16)
        x = F.relu_((yield from self.modulate("sixteenth", x, style)))
        for index in range(deep):
            x = yield from self._block(f"deep{index}", x, style)
        x = sum_into(eighth, self._enlarged(self.convolve("widen_eighth", x)))
        del eighth
        for index in range(up):
            x = yield from self._block(f"up{index}", x, style)
        x = self._fine(quarter, x)
        del quarter
        return F.relu_((yield from self.modulate("fine", x, style)))

    def _first(self, image: Tensor) -> Tensor:
        """The first convolution, on the unshuffled picture."""
        if not torch.is_grad_enabled():
            return half_size.first_layer(self.convolution("quarter").weight, image)
        half = F.pixel_unshuffle(as_float(image).to(self.dtype), 2)
        return self.convolve("quarter", half.contiguous(memory_format=torch.channels_last))

    def _fine(self, quarter: Tensor, eighth: Tensor) -> Tensor:
        """The convolution at a quarter of the size, on the sum of that map and the enlarged eighth.

        Band by band: the sum alone takes as much memory as the result.
        """

        def compute(band: Band) -> Tensor:
            # Of the enlarged rows the last two depend on what lies beyond, and so may the first.
            # They are within the halo, and the band does not see them.
            first, last = (row // 2 for row in band.outer_rows)
            deeper = self._enlarged(self.convolve("widen_quarter", eighth[:, :, first:last]))
            return self.convolve("fine", sum_into(band.with_halo(quarter), deeper))

        halo = 4 if self.shape.noise else 2
        return in_bands((quarter.shape[-2], quarter.shape[-1]), compute, halo=halo)

    def _last(self, quarter: Tensor, image: Tensor, scale: StyleMap, shift: StyleMap) -> Tensor:
        """The painted picture, from the map at a quarter of the size and the photograph."""
        if not torch.is_grad_enabled():  # in place
            zeroth = half_size.Filters.of(self.convolution("detail"))
            first = half_size.Filters.of(self.convolution("head"))
            second = half_size.Filters.of(self.convolution("picture"))
            layers = half_size.LastLayers(zeroth, first, second)
            return layers(quarter, image, scale, shift)
        picture = F.pixel_unshuffle(as_float(image).to(self.dtype), 2)
        detail = F.pixel_shuffle(self.convolve("detail", quarter), 2)
        scale, shift = as_tensor(scale), as_tensor(shift)
        head = self.convolve("head", torch.cat([detail, picture], 1))
        head = F.relu_(torch.addcmul(shift.to(head.dtype), head, scale.to(head.dtype)))
        painted = torch.sigmoid(F.pixel_shuffle(self.convolve("picture", head), 2).float())
        return match_dtype(painted, image)

    def _add_noise(self, name: str, x: Tensor, origin: tuple[int, int], stride: int) -> Tensor:
        if not self.shape.noise:
            return x
        size = (x.shape[-2], x.shape[-1])
        start = (origin[0] // stride, origin[1] // stride)
        maps = noise(self.noise_tile.to(x.dtype), size, origin=start)
        return x + self.convolve(
            f"noise_{name}", maps.contiguous(memory_format=torch.channels_last)
        )

    def _block(self, name: str, x: Tensor, style: Affine) -> StagedForward:
        """A residual block."""
        first, second = name + "a", name + "b"
        inner = yield from self.modulate(first, self.convolve(first, x), style)
        inner = self.convolve(second, F.relu_(inner))
        return sum_into(x, (yield from self.modulate(second, inner, style)))


KIND = shape_kind(PaintNetwork, PaintShape, options=("blocks", "noise"))
