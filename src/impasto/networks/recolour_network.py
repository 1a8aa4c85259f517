"""The paint network on a recoloured photograph: hues are right before painting begins.

Before all else the photograph gets the style's mean and covariance of colours
(:func:`impasto.networks.colour_map.colour_map`), so that black and white styles give black and
white, and different things keep different hues. The map is linear: for one style it is folded into
the filters that see the photograph, and costs nothing. What is painted keeps to the style's colours
as well (:meth:`impasto.networks.colour_map.ColourMap.bound`).

A style vector holds γ − 1 and β of each layer, and the palette.
"""

from __future__ import annotations

import functools
from collections.abc import Callable
from typing import NamedTuple

import torch
from torch import Tensor

from impasto.images.picture import as_float, match_dtype
from impasto.networks import half_size
from impasto.networks.base import Affine
from impasto.networks.colour_map import (
    PALETTE_SIZE,
    ColourMap,
    colour_sums,
    colours_of,
    is_one,
)
from impasto.networks.kind import shape_kind
from impasto.networks.normalization import StagedForward
from impasto.networks.paint_network import PaintNetwork
from impasto.networks.shapes import PaintShape
from impasto.nn.bands import Band


class RecolourNetwork(PaintNetwork):
    """Content picture and style vector in, painted picture out.

    The result is clipped to [0, 1] in evaluation mode only: a clipped pixel has no gradient.
    """

    kind = "recolour"
    by_region = frozenset(["palette"])

    def __init__(self, shape: PaintShape | None = None) -> None:
        super().__init__(shape)
        self.strides["palette"] = 1

    @property
    def style_size(self) -> int:
        """See the module."""
        return super().style_size + PALETTE_SIZE

    @property
    def palette_size(self) -> int:
        """See :class:`StyledNetwork`."""
        return PALETTE_SIZE

    def split(self, style: Tensor) -> dict[str, tuple[Tensor, ...]]:
        """See :class:`StyledNetwork`; the palette is (B, 9)."""
        return {**super().split(style), "palette": (style[:, -PALETTE_SIZE:],)}

    def staged_forward(
        self, image: Tensor, style: Affine, *, origin: tuple[int, int] = (0, 0)
    ) -> StagedForward:
        """See :class:`StyledNetwork`."""
        moments = yield colour_sums(image)
        colours = colours_of(moments, style["palette"])
        if torch.is_grad_enabled():
            colour, shares = colours
            recoloured = colour.colour(None, as_float(image), shares)
            x = yield from self._coarse_forward(self._first(recoloured), style, origin)
            painted = colour.bounded(self._last(x, recoloured, *style["head"]), shares)
            return match_dtype(painted if self.training else painted.clamp(0, 1), image)
        if is_one(colours):
            layers = _of_one(self, colours[0])
        else:
            numbers = style["palette"][0].mean(0, keepdim=True)
            layers = _by_place(self, *colours, colours_of(moments, [numbers])[0])
        x = layers.first(image)
        x = yield from self._coarse_forward(x, style, origin)
        scale, shift = style["head"]
        if layers.mean is not None:
            shift = shift + scale * layers.mean
        return layers.last(x, image, scale, shift)


class _Layers(NamedTuple):
    """The first layer, the last layers, and what is added to the head's output."""

    first: Callable[[Tensor], Tensor]
    last: half_size.LastLayers
    mean: Tensor | None = None


def _of_one(network: RecolourNetwork, colour: ColourMap) -> _Layers:
    """One style: its colours are folded into the filters that see the photograph."""
    head, own = network.convolution("head").weight, network.shape.detail
    # The first layer's output is normalized, so that only differences of colours count. The head
    # sees the photograph less its mean: the style's mean goes into the shift.
    filters = head[:, own:].float().sum((2, 3)).view(-1, 3, 4).sum(2)
    bound, style_mean = colour.bound()[0], colour.style_mean[0].view(3, 1, 1, 1, 1)

    def finish(band: Band, values: Tensor) -> Tensor:
        centred = values.sigmoid_().sub_(style_mean)
        bounded = torch.einsum("uc,bchiwj->buhiwj", bound, centred)
        return bounded.add_(style_mean).clamp_(0, 1)

    last = half_size.LastLayers(
        half_size.Filters.of(network.convolution("detail")),
        half_size.Filters(_folded(head, colour, own)),
        half_size.Filters.of(network.convolution("picture")),
        colour.content_mean,
        finish,
    )
    return _Layers(_first(network, colour), last, filters @ colour.style_mean[0])


def _first(network: RecolourNetwork, colour: ColourMap) -> Callable[[Tensor], Tensor]:
    weight = _folded(network.convolution("quarter").weight, colour, 0)
    return functools.partial(half_size.first_layer, weight, mean=colour.content_mean)


def _by_place(
    network: RecolourNetwork, colour: ColourMap, shares: Tensor | None, common: ColourMap
) -> _Layers:
    """Styles of regions, or of a batch: colours are changed a few rows at a time.

    The first layer sees the photograph in common colours of all regions. With a dark and a light
    region in colours of their own, each would be normalized by the moments of both, and the light
    one be painted paler than alone.
    """

    def change(band: Band, rows: Tensor) -> Tensor:
        own = None if shares is None else band.with_halo(shares, 4)
        return colour.colour(None, as_float(rows), own)

    def finish(band: Band, values: Tensor) -> Tensor:
        own = None if shares is None else band.rows_of(shares, 4)
        batch, channels, height, _, width, _ = values.shape
        rows = values.sigmoid_().reshape(batch, channels, 2 * height, 2 * width)
        return colour.bounded(rows, own).clamp_(0, 1).view(values.shape)

    last = half_size.LastLayers(
        half_size.Filters.of(network.convolution("detail")),
        half_size.Filters.of(network.convolution("head")),
        half_size.Filters.of(network.convolution("picture")),
        None,
        finish,
        change,
    )
    if shares is not None:
        return _Layers(_first(network, common), last)
    weight = network.convolution("quarter").weight
    return _Layers(functools.partial(half_size.first_layer, weight, change=change), last)


def _folded(weight: Tensor, colour: ColourMap, before: int) -> Tensor:
    """Filters (C, before + 12, 3, 3) of a recoloured picture → those of the picture."""
    own, picture = weight[:, :before], weight[:, before:].float().contiguous()
    matrix = colour.outward[0] @ colour.inward[0]
    by_colour = torch.einsum("oupyx,uc->ocpyx", picture.view(-1, 3, 4, 3, 3), matrix)
    folded = torch.cat([own, by_colour.flatten(1, 2).to(weight.dtype)], 1)
    return folded.contiguous(memory_format=torch.channels_last)


KIND = shape_kind(RecolourNetwork, PaintShape, options=("blocks",))
