"""A network that paints strokes in a style's own colours.

It differs from :class:`impasto.networks.paint_network.PaintNetwork` in four ways:

* It works in whitened colours, between the halves of a closed-form map from the photograph's
  colours to the style's (:mod:`impasto.networks.colour_map`), and paints what differs from the
  recoloured photograph as it is when blurred over 8 px: every finer line is painted. (With the
  sharp photograph there, training learnt for hours to leave it as it is.)
* A style also mixes the filters of the late convolutions (:mod:`impasto.networks.filter_bank`).
* Residual blocks at a quarter of the size, where a stroke is a few units wide.
* Coarse maps are enlarged by a kernel of nearly the same weight at every place. With bilinear
  enlargement the units of the coarse lattice show as regular marks.

A style vector holds γ − 1 and β of each layer, the shares of the filters, and the palette.
"""

from __future__ import annotations

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from impasto.images.picture import as_float, match_dtype
from impasto.networks import coarse_maps, half_size
from impasto.networks.base import Affine, StyledNetwork
from impasto.networks.coarse_maps import smoothly_enlarged, sum_into
from impasto.networks.colour_map import (
    PALETTE_SIZE,
    ColourMap,
    Colours,
    colour_sums,
    colours_of,
    is_one,
)
from impasto.networks.filter_bank import FilterBank
from impasto.networks.kind import shape_kind
from impasto.networks.normalization import StagedForward
from impasto.networks.region_maps import as_tensor
from impasto.networks.shapes import StrokeShape
from impasto.nn.bands import MAX_UNITS, Band, in_bands
from impasto.nn.convolution import Convolution
from impasto.runtime.tracing import needs_plain_operations

_WHITENED = 0.25
"""Factor of whitened colours as an input: their deviation is one, that of a picture's a quarter."""

_COARSE = 8
"""Pixels over which the photograph is averaged before paint is added."""


class StrokeNetwork(StyledNetwork):
    """Content picture and style vector in, painted picture out.

    The result is clipped to [0, 1] in evaluation mode only: a clipped pixel has no gradient.
    """

    kind = "strokes"
    stride = 16
    by_region = frozenset(["palette"])
    maps_in_bands = False

    def __init__(self, shape: StrokeShape | None = None) -> None:
        super().__init__()
        self.shape = shape = shape or StrokeShape()
        quarter, eighth, sixteenth = shape.widths
        self.banks = nn.ModuleDict()
        self._extra: dict[str, int] = {}

        def plain(before: int, after: int, kernel: int = 3, stride: int = 1) -> nn.Conv2d:
            kind = Convolution if (kernel, stride) == (3, 1) else nn.Conv2d
            return kind(before, after, kernel, stride, bias=False)

        def mixed(name: str, before: int, after: int, stride: int, *, styled: bool = True) -> None:
            bank = FilterBank(shape.filters, before, after, bias=not styled)
            self.banks[name] = bank
            if styled:
                self.modulated[name], self.strides[name] = after, stride
            self._add_extra(f"mix {name}", bank.shares, stride)

        self.add_modulated("quarter", plain(24, quarter, stride=2), 4)
        self.add_modulated("eighth", plain(quarter, eighth, stride=2), 8)
        down, deep, up, strokes = shape.blocks
        for part, count, width, stride in (
            ("down", down, eighth, 8),
            ("deep", deep, sixteenth, 16),
        ):
            if part == "deep":
                self.add_modulated("sixteenth", plain(eighth, sixteenth, stride=2), 16)
            for name in _names(part, count):
                self.add_modulated(name, plain(width, width), stride)
        for name in _names("up", up):
            mixed(name, eighth, eighth, 8)
        mixed("fine", quarter, quarter, 4)
        for name in _names("stroke", strokes):
            mixed(name, quarter, quarter, 4)
        mixed("detail", quarter, 4 * shape.detail, 4, styled=False)
        mixed("head", shape.detail + 24, shape.head, 2)
        mixed("picture", shape.head, 12, 2, styled=False)
        self.add_plain("widen_eighth", plain(sixteenth, eighth, 1))
        self.add_plain("widen_quarter", plain(eighth, quarter, 1))
        self._add_extra("palette", PALETTE_SIZE, 1)
        last = self.bank("picture").weight
        if not last.is_meta:
            with torch.no_grad():
                last.mul_(0.3)  # little paint at first
        self.initial_style = self._initial_style(_names("stroke", strokes)[1::2])
        self.to(memory_format=torch.channels_last)  # type: ignore[call-overload]

    def _initial_style(self, last: list[str]) -> Tensor:
        """γ of 0.1 at the end of each block at a quarter: at first they add next to nothing."""
        vector = torch.zeros(1, self.style_size, device="cpu")
        start = 0
        for name, width in self.modulated.items():
            if name in last:
                vector[:, start : start + width] = -0.9
            start += 2 * width
        return vector[0]

    def _add_extra(self, name: str, size: int, stride: int) -> None:
        self._extra[name], self.strides[name] = size, stride

    def bank(self, name: str) -> FilterBank:
        """The convolution of that name whose filters are mixed."""
        bank = self.banks[name]
        assert isinstance(bank, FilterBank)
        return bank

    @property
    def style_size(self) -> int:
        """See the module."""
        return super().style_size + sum(self._extra.values())

    @property
    def palette_size(self) -> int:
        """See :class:`StyledNetwork`."""
        return PALETTE_SIZE

    def split(self, style: Tensor) -> dict[str, tuple[Tensor, ...]]:
        """See :class:`StyledNetwork`; the further parts are (B, C)."""
        parts = super().split(style)
        start = super().style_size
        for name, size in self._extra.items():
            parts[name] = (style[:, start : start + size],)
            start += size
        return parts

    @property
    def halo(self) -> int:  # type: ignore[override]
        """How far a unit of 16 px sees: two such units, two more units in each block, and 16 px.

        The last are for the enlargements and the coarse photograph. Rounded up to whole units.
        """
        down, deep, up, strokes = self.shape.blocks
        return 3 * 16 + 2 * 8 * (down + up) + 2 * 16 * deep + 16 * -(-8 * strokes // 16)

    @property
    def held_values(self) -> float:
        """See :class:`StyledNetwork`."""
        return coarse_maps.held_values(self.shape.widths)

    def peak_values(self, pixels: int) -> float:
        """See :class:`StyledNetwork`: the held values, two more maps, and one band's maps."""
        more = 2 * self.shape.widths[1] / 64 + 2 * self.shape.widths[0] / 16
        return (self.held_values + more) * pixels + 40 * min(pixels, 16 * MAX_UNITS)

    @property
    def style_map_values(self) -> float:
        """See :class:`StyledNetwork`: also regions' pictures, and maps at half the size."""
        return super().style_map_values + 18 + 2 * (self.shape.detail + 24) / 4

    # --- One pass -----------------------------------------------------------------------------

    def staged_forward(
        self, image: Tensor, style: Affine, *, origin: tuple[int, int] = (0, 0)
    ) -> StagedForward:
        """See :class:`StyledNetwork`."""
        down, deep, up, strokes = self.shape.blocks
        moments = yield colour_sums(image)
        colours = colours_of(moments, style["palette"])
        # Each map is assigned to x before the yield: a paused pass then holds no earlier map.
        x = self._first(image, colours)
        quarter = F.relu_((yield from self.modulate("quarter", x, style)))
        x = self.convolve("eighth", quarter)
        x = F.relu_((yield from self.modulate("eighth", x, style)))
        for index in range(down):
            x = yield from self._block(f"down{index}", x, style)
        eighth = x
        x = self.convolve("sixteenth", eighth)
        x = F.relu_((yield from self.modulate("sixteenth", x, style)))
        for index in range(deep):
            x = yield from self._block(f"deep{index}", x, style)
        x = sum_into(eighth, smoothly_enlarged(self.convolve("widen_eighth", x)))
        del eighth
        for index in range(up):
            x = yield from self._block(f"up{index}", x, style)
        x = self._fine(quarter, x, style)
        del quarter
        x = F.relu_((yield from self.modulate("fine", x, style)))
        for index in range(strokes):
            x = yield from self._block(f"stroke{index}", x, style)
        # The head is scaled and shifted only: to normalize it would cost as much as a convolution.
        if is_one(colours):
            return self._last(x, image, colours[0], style)
        return self._last_by_place(x, image, colours, style)

    def _block(self, name: str, x: Tensor, style: Affine) -> StagedForward:
        """A residual block."""
        first, second = name + "a", name + "b"
        inner = yield from self.modulate(first, self._convolve(first, x, style), style)
        inner = self._convolve(second, F.relu_(inner), style)
        return sum_into(x, (yield from self.modulate(second, inner, style)))

    def _convolve(self, name: str, x: Tensor, style: Affine) -> Tensor:
        if name in self.banks:
            result: Tensor = self.banks[name](x, style[f"mix {name}"][0])
            return result
        return self.convolve(name, x)

    # --- First and last layers ----------------------------------------------------------------

    def _first(self, image: Tensor, colours: Colours) -> Tensor:
        """The first convolution, on the unshuffled picture and its whitened colours."""
        convolution, (colour, shares) = self.convolution("quarter"), colours
        if is_one(colours):
            # Its output is normalized, so it does not matter that the mean is subtracted.
            weight = _folded(convolution.weight, colour).to(self.dtype)
            weight = weight.contiguous(memory_format=torch.channels_last)
            return half_size.first_layer(weight, image, half_size.less(colour.content_mean))
        return self.convolve("quarter", self._inputs(as_float(image), colour, shares))

    def _inputs(self, picture: Tensor, colour: ColourMap, shares: Tensor | None) -> Tensor:
        """A picture and its whitened colours at half the size, (B, 24, H/2, W/2)."""
        both = picture.float(), _WHITENED * colour.whiten(picture, shares)
        batch = max(x.shape[0] for x in both)
        halves = [F.pixel_unshuffle(x.expand(batch, -1, -1, -1), 2) for x in both]
        return torch.cat(halves, 1).to(self.dtype).contiguous(memory_format=torch.channels_last)

    def _fine(self, quarter: Tensor, eighth: Tensor, style: Affine) -> Tensor:
        """The convolution at a quarter of the size, on the sum of that map and the enlarged eighth.

        Band by band: the sum alone takes as much memory as the result.
        """
        (shares,) = style["mix fine"]

        def compute(band: Band) -> Tensor:
            # Of the enlarged rows the last two depend on what lies beyond, and so does the first.
            # They are within the halo, and the band does not see them.
            first, last = (row // 2 for row in band.outer_rows)
            deeper = smoothly_enlarged(self.convolve("widen_quarter", eighth[:, :, first:last]))
            part = shares if shares.ndim == 2 else band.with_halo(shares)
            result: Tensor = self.banks["fine"](sum_into(band.with_halo(quarter), deeper), part)
            return result

        return in_bands((quarter.shape[-2], quarter.shape[-1]), compute, halo=4)

    def _last(self, quarter: Tensor, image: Tensor, colour: ColourMap, style: Affine) -> Tensor:
        """The painted picture of one style: colours are folded into the filters."""
        detail, head, picture = (
            self.bank(name).mixed(style[f"mix {name}"][0])[0]
            for name in ("detail", "head", "picture")
        )
        own = self.shape.detail
        # The filters see the picture less its mean; the mean's share goes into the shift.
        mean = half_size.sums_by_colour(head[:, own : own + 12])
        scale, shift = style["head"]
        shift = shift + scale * (mean @ colour.content_mean[0])
        head = torch.cat([head[:, :own], _folded(head[:, own:], colour).to(head.dtype)], 1)
        # What is added to the paint is linear, too, and is computed where the picture is small.
        coarse = colour.colour(None, _coarse(image))
        own_bias = self.bank("picture").bias
        assert own_bias is not None
        bias = _coloured(own_bias, colour).to(picture.dtype)
        picture = _coloured(picture, colour).to(picture.dtype)

        def finish(band: Band, values: Tensor) -> Tensor:
            plain = _enlarged_coarse(coarse, band).view(values.shape)
            return plain.add_(values).clamp_(0, 1)

        last = half_size.LastLayers(
            half_size.Filters(detail, self.bank("detail").bias),
            half_size.Filters(head.contiguous(memory_format=torch.channels_last)),
            half_size.Filters(picture.contiguous(memory_format=torch.channels_last), bias),
            finish,
            half_size.less(colour.content_mean),
        )
        return last(quarter, image, scale, shift)

    def _last_by_place(
        self, quarter: Tensor, image: Tensor, colours: Colours, style: Affine
    ) -> Tensor:
        """The painted picture of several styles, of a batch, or with gradients."""
        colour, shares = colours
        picture = as_float(image).float()
        detail = F.pixel_shuffle(self._convolve("detail", quarter, style), 2)
        inputs = self._inputs(picture, colour, shares).to(detail.dtype)
        head = self._convolve("head", torch.cat([detail, inputs], 1), style)
        scale, shift = map(as_tensor, style["head"])
        head = F.relu_(torch.addcmul(shift.to(head.dtype), head, scale.to(head.dtype)))
        z = F.pixel_shuffle(self._convolve("picture", head, style), 2).float()
        size = (picture.shape[-2], picture.shape[-1])
        broad = F.interpolate(_coarse(picture), size, mode="bilinear", align_corners=False)
        painted = colour.colour(z, broad, shares)
        return match_dtype(painted if self.training else painted.clamp(0, 1), image)


def _names(part: str, count: int) -> list[str]:
    """The convolutions of residual blocks."""
    return [f"{part}{index}{half}" for index in range(count) for half in "ab"]


def _folded(weight: Tensor, colour: ColourMap) -> Tensor:
    """Filters (C, 24, 3, 3) of a picture and its whitened colours → those (C, 12, 3, 3) of both."""
    plain, whitened = weight.float().split(12, 1)  # type: ignore[no-untyped-call]
    folded = half_size.recoloured_filters(whitened, _WHITENED * colour.inward[0])
    result: Tensor = plain + folded
    return result


def _coloured(filters: Tensor, colour: ColourMap) -> Tensor:
    """Filters (12, …) that make whitened colours → filters that make the style's."""
    flat = filters.float().reshape(3, -1)
    return (colour.outward[0] @ flat).view(filters.shape)


def _coarse(image: Tensor) -> Tensor:
    """Means over blocks of ``_COARSE`` pixels, (B, 3, H / 8, W / 8), float32; strip by strip."""
    if needs_plain_operations():
        return F.avg_pool2d(as_float(image).float(), _COARSE)
    strips = image.split(64 * _COARSE, 2)  # type: ignore[no-untyped-call]
    return torch.cat([F.avg_pool2d(as_float(strip).float(), _COARSE) for strip in strips], 2)


def _enlarged_coarse(coarse: Tensor, band: Band) -> Tensor:
    """The rows of a band (in units of four pixels) of the enlarged coarse picture."""
    first, last = (row * 4 // _COARSE for row in band.rows)
    before, after = max(0, first - 1), min(coarse.shape[2], last + 1)
    part = coarse[:, :, before:after]
    size = (part.shape[2] * _COARSE, part.shape[3] * _COARSE)
    part = F.interpolate(part, size, mode="bilinear", align_corners=False)
    start = (first - before) * _COARSE
    return part[:, :, start : start + (last - first) * _COARSE].contiguous()


KIND = shape_kind(StrokeNetwork, StrokeShape, options=("blocks",))
