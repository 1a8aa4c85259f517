"""Pictures of any size painted with strokes of the size that is asked for.

A picture for which strokes would be too fine is painted at a smaller size and carried to its own
with its own edges; one for which they would be too coarse is enlarged before and reduced after.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import torch
from torch import Tensor

from impasto.enlargement.guided import Detail, at_size, carried, carried_bytes, map_itemsize
from impasto.images.picture import as_float, match_dtype
from impasto.networks.normalization import MomentFilter, own_moments
from impasto.onepass.stroke_size import painted_size
from impasto.onepass.stylist import Stylist
from impasto.regions.masks import resize_masks
from impasto.runtime.device_memory import base_bytes
from impasto.runtime.strips import strips

_NETWORK_WORK = 5.0
"""Time of the network for a pixel, relative to that of carrying the painting to a pixel."""


def photograph_share(strength: float) -> float:
    """How much of the photograph is mixed into a picture: (1 − strength)³, 1 at 0 and .125 at ½."""
    return (1 - strength) ** 3


@dataclass(frozen=True)
class SizedPainter:
    """Paints pictures with strokes of a size relative to the picture's.

    Attributes:
        stylist: Paints with strokes of its own size in pixels.
        style_scale: See :func:`impasto.onepass.stroke_size.painted_size`.
    """

    stylist: Stylist
    style_scale: float = 1.0

    @property
    def least_side(self) -> int:
        """The smallest side that can be painted, in pixels."""
        return self.stylist.network.stride + 1

    def size_for(self, size: tuple[int, int]) -> tuple[int, int]:
        """Height and width at which a picture of a height and width is painted."""
        return painted_size(size, self.style_scale, self.least_side)

    def planned_bytes(
        self, size: tuple[int, int], itemsize: int, *, pictures: int = 1, regions: int = 0
    ) -> tuple[float, float]:
        """Bytes of the process while it paints, and the least that would do.

        Args:
            size: Height and width of the picture.
            itemsize: Bytes of one value of it: 4, or 1 for uint8.
            pictures: Number of pictures that are held, the painted one not counted.
            regions: Number of masks, held in the same type.
        """
        small = self.size_for(size)
        if small == size:
            return self.stylist.planned_bytes(size, itemsize, pictures=pictures, regions=regions)
        pixels, small_pixels = size[0] * size[1], small[0] * small[1]
        held = itemsize * (3 + regions) * pixels
        small_itemsize = map_itemsize(small_pixels, itemsize)
        needed, least = self.stylist.planned_bytes(
            small, small_itemsize, pictures=pictures, regions=regions, other_bytes=held
        )
        resized = 3 * small_itemsize * (size[0] * small[1] + small_pixels)
        if regions:  # masks are resized in floats, those of uint8 one by one
            resized += 4 * pixels if itemsize == 1 else 4 * regions * size[0] * small[1]
        carrying = 6 * small_itemsize * small_pixels + carried_bytes(size, small, itemsize, regions)
        finishing = 3 * itemsize * pixels * pictures
        most = base_bytes(self.stylist.device) + held + max(resized, carrying, finishing)
        return max(needed, most), max(least, most)

    def paint(
        self,
        original: Tensor,
        vectors: Sequence[Tensor],
        *,
        strength: float = 1.0,
        masks: Tensor | None = None,
        prepare: Callable[[Tensor], Tensor] = lambda rows: rows,
        filter_moments: MomentFilter = own_moments,
        progress: Callable[[float], None] = lambda share: None,
    ) -> Tensor:
        """Paint a picture.

        Args:
            original: (1, 3, H, W), float in [0, 1] or uint8.
            vectors: One style vector, or one for each region.
            strength: 0 (the photograph) to 1. Networks paint a style half of the way to the
                photograph's own, but not the photograph itself: :func:`photograph_share` says how
                much of it is mixed in.
            masks: (1, R, H, W), the regions, floats or uint8.
            prepare: Rows of the picture → what the network is to be given of them, pixel by pixel.
            filter_moments: See :func:`impasto.onepass.tiling.paint_tiled`.
            progress: Called with the share of the work that is done.

        Returns:
            (1, 3, H, W) of the picture's type.
        """
        painted = self._painted(
            original,
            vectors,
            strength=strength,
            masks=masks,
            prepare=prepare,
            filter_moments=filter_moments,
            progress=progress,
        )
        share = photograph_share(strength)
        if share:
            for rows, source in strips(painted, original):
                plain = as_float(prepare(source))
                rows.copy_(match_dtype(torch.lerp(as_float(rows), plain, share), rows))
        return painted

    def _painted(
        self,
        original: Tensor,
        vectors: Sequence[Tensor],
        *,
        strength: float,
        masks: Tensor | None,
        prepare: Callable[[Tensor], Tensor],
        filter_moments: MomentFilter,
        progress: Callable[[float], None],
    ) -> Tensor:
        """The picture as painted; see :meth:`paint`."""
        full = (original.shape[-2], original.shape[-1])
        size = self.size_for(full)
        if size == full:
            content = prepare(original)
            other_bytes = 0 if content is original else original.nbytes
            style = self.stylist.spatial_style(vectors, content, strength=strength, masks=masks)
            return self.stylist.paint(
                content,
                style,
                other_bytes=other_bytes,
                filter_moments=filter_moments,
                progress=progress,
            )
        reduced = at_size(original, size, original.dtype)
        if reduced.is_floating_point():
            reduced.clamp_(0, 1)
        content = prepare(reduced)
        small_masks = None if masks is None else resize_masks(masks, size)
        style = self.stylist.spatial_style(vectors, content, strength=strength, masks=small_masks)
        other_bytes = original.nbytes + (0 if masks is None else masks.nbytes)
        work = _NETWORK_WORK * size[0] * size[1]
        share = work / (work + full[0] * full[1])
        painted = self.stylist.paint(
            content,
            style,
            other_bytes=other_bytes,
            filter_moments=filter_moments,
            progress=lambda done: progress(share * done),
        )
        if max(size) > max(full):
            painted = at_size(painted, full, original.dtype)
            return match_dtype(painted.clamp_(0, 1), original)
        return carried(
            painted,
            reduced,
            original,
            masks=masks,
            detail=None if strength == 1 else Detail(1 - strength, prepare),
            progress=lambda done: progress(share + (1 - share) * done),
        )
