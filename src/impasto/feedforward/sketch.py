"""The one-pass picture as the place where an optimiser begins (``--init any``)."""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor

from impasto.areas import Area
from impasto.catalogue import open_network
from impasto.feedforward.stylist import STYLE_SIDE, Stylist, mixture
from impasto.goals import Style
from impasto.images import Picture, fit_size
from impasto.masks import resize_masks


def sketch(model: str, content: Tensor, styles: Sequence[Style], areas: Sequence[Area]) -> Tensor:
    """Paint the content in one pass.

    Args:
        model: Name of a one-pass model for any style.
        content: (1, 3, H, W) in [0, 1].
        styles: Mixed by their shares; levels are not told apart.
        areas: Which part is painted after what, covering the picture; none for all alike.
    """
    stylist = Stylist(open_network(model))

    def read(picture: Picture, where: Tensor | None) -> Tensor:
        picture = picture.resized(fit_size(picture.size, STYLE_SIDE, max_enlarge=1.0))
        return stylist.read(picture.tensor, where=where)

    def common(where: Tensor | None) -> Tensor:
        vectors = [read(style.picture, where) for style in styles]
        return mixture(vectors, [style.share for style in styles])

    if not areas:
        return stylist.paint(content, stylist.brush([common(None)], content))
    vectors = [
        common(area.style_where) if area.style is None else read(area.style, area.style_where)
        for area in areas
    ]
    size = (content.shape[-2], content.shape[-1])
    where = torch.cat([resize_masks(area.where, size) for area in areas], 1)
    return stylist.paint(content, stylist.brush(vectors, content, where=where))
