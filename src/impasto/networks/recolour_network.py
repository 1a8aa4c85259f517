"""The paint network on a recoloured photograph: hues are right before painting begins.

Before all else the photograph gets the style's mean and covariance of colours
(:func:`impasto.networks.colour_map.colour_map`), so that black and white styles give black and
white, and different things keep different hues. The map is linear: for one style it is folded into
the filters that see the photograph, and costs nothing. What is painted keeps to the style's colours
as well (:meth:`impasto.networks.colour_map.ColourMap.bound`).

A style vector holds γ − 1 and β of each layer, and the palette.
"""

from __future__ import annotations

import torch
from torch import Tensor

from impasto.images.picture import as_float, match_dtype
from impasto.networks import half_size
from impasto.networks.base import Affine
from impasto.networks.colour_map import (
    PALETTE_SIZE,
    ColourMap,
    Colours,
    colour_sums,
    colours_of,
    is_one,
)
from impasto.networks.kind import shape_kind
from impasto.networks.normalization import Moments, StagedForward
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
        # The first map is not kept here: a paused pass then holds no earlier map.
        x = yield from self._coarse_forward(
            self._first_without_gradients(image, colours, moments, style["palette"][0]),
            style,
            origin,
        )
        scale, shift = style["head"]
        if not is_one(colours):
            return _last_by_place(self, *colours)(x, image, scale, shift)
        # The head sees the photograph less its mean. The style's mean goes into the shift.
        colour, own = colours[0], self.shape.detail
        filters = half_size.sums_by_colour(self.convolution("head").weight[:, own:])
        shift = shift + scale * (filters @ colour.style_mean[0])
        return _last_of_one(self, colour)(x, image, scale, shift)

    def _first_without_gradients(
        self, image: Tensor, colours: Colours, moments: Moments, palettes: Tensor
    ) -> Tensor:
        """The first convolution, on the recoloured photograph.

        With regions it sees the photograph in common colours. If a dark and a light region had
        colours of their own, each would be normalized by the moments of both, and the light one be
        painted paler than alone.
        """
        weight, (colour, shares) = self.convolution("quarter").weight, colours
        if shares is not None:
            colour, _ = colours_of(moments, [palettes.mean(0, keepdim=True)])
        elif not is_one(colours):
            return half_size.first_layer(weight, image, _recolouring(colour, None))
        # The output is normalized, so that only differences of colours count.
        folded = _folded(weight, colour, 0)
        return half_size.first_layer(folded, image, half_size.less(colour.content_mean))


def _last_of_one(network: RecolourNetwork, colour: ColourMap) -> half_size.LastLayers:
    """For one style: its colours are folded into the filters that see the photograph."""
    bound, style_mean = colour.bound()[0], colour.style_mean[0]
    # Four pixels at once, as they lie in memory: a fifth of the time of a product by colour.
    of_fours = torch.kron(bound.contiguous(), torch.eye(4, device=bound.device)).mT
    shift = (style_mean - bound @ style_mean).repeat_interleave(4)

    def finish(band: Band, values: Tensor) -> Tensor:
        fours = values.sigmoid_().permute(0, 2, 4, 1, 3, 5)  # (B, h, w, 3, 2, 2)
        bounded = torch.addmm(shift, fours.reshape(-1, 12), of_fours).clamp_(0, 1)
        return bounded.view(fours.shape).permute(0, 3, 1, 4, 2, 5)

    return half_size.LastLayers(
        half_size.Filters.of(network.convolution("detail")),
        half_size.Filters(
            _folded(network.convolution("head").weight, colour, network.shape.detail)
        ),
        half_size.Filters.of(network.convolution("picture")),
        finish,
        half_size.less(colour.content_mean),
    )


def _last_by_place(
    network: RecolourNetwork, colour: ColourMap, shares: Tensor | None
) -> half_size.LastLayers:
    """For styles of regions, or of a batch: colours are changed a few rows at a time."""

    def finish(band: Band, values: Tensor) -> Tensor:
        own = None if shares is None else band.rows_of(shares, 4)
        batch, channels, height, _, width, _ = values.shape
        rows = values.sigmoid_().reshape(batch, channels, 2 * height, 2 * width)
        return colour.bounded(rows, own).clamp_(0, 1).view(values.shape)

    return half_size.LastLayers(
        half_size.Filters.of(network.convolution("detail")),
        half_size.Filters.of(network.convolution("head")),
        half_size.Filters.of(network.convolution("picture")),
        finish,
        _recolouring(colour, shares),
    )


def _recolouring(colour: ColourMap, shares: Tensor | None) -> half_size.Change:
    def change(band: Band, rows: Tensor) -> Tensor:
        own = None if shares is None else band.with_halo(shares, 4)
        return colour.colour(None, as_float(rows), own)

    return change


def _folded(weight: Tensor, colour: ColourMap, before: int) -> Tensor:
    """Filters (C, before + 12, 3, 3) of a recoloured picture → those of the picture."""
    matrix = colour.outward[0] @ colour.inward[0]
    picture = half_size.recoloured_filters(weight[:, before:], matrix).to(weight.dtype)
    folded = torch.cat([weight[:, :before], picture], 1)
    return folded.contiguous(memory_format=torch.channels_last)


KIND = shape_kind(RecolourNetwork, PaintShape, options=("blocks", "noise"))
