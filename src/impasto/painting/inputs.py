"""What callers give a painter: pictures of any kind, at any size."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from torch import Tensor

from impasto import images
from impasto.errors import OptionError
from impasto.images.picture import PICTURE_TYPES, Picture, PictureLike, fit_size
from impasto.painting.objective_builder import Style, as_styles
from impasto.regions.masks import resize_masks
from impasto.regions.regions import Region


def content_at_size(
    given: PictureLike, regions: Sequence[Region], long_side: int
) -> tuple[Picture, list[Region]]:
    """The photograph at the size of its painting, and its regions with it.

    A picture that was read at that size is not resized again: what counts for the limit on
    enlarging is its own size.

    Args:
        given: The photograph.
        regions: Their masks are of the size of the photograph as it is given.
        long_side: Of the painting.
    """
    content = _picture(given)
    own = content.info.size or content.size
    size = fit_size(own, long_side, max_enlarge=images.MAX_ENLARGE)
    if size == content.size:
        return content, list(regions)

    def resized(mask: Tensor) -> Tensor:  # one of another size is refused later
        return resize_masks(mask, size) if mask.shape[-2:] == content.size else mask

    moved = [replace(region, mask=resized(region.mask)) for region in regions]
    return content.resized(size), moved


def styles_of(
    given: PictureLike | Style | Sequence[PictureLike | Style],
    shares: Sequence[float] | None,
    regions: Sequence[Region] = (),
) -> list[Style]:
    """One style or several, with their shares, equal by default.

    Raises:
        OptionError: For no style, unless a region has one; or a wrong number of shares.
        ImageError: For what is no picture.
    """
    several = [given] if isinstance(given, (*PICTURE_TYPES, Style)) else list(given)
    if not several and all(region.style is None for region in regions):
        raise OptionError("A painting needs at least one style picture.")
    return as_styles([s if isinstance(s, Style) else _picture(s) for s in several], shares)


def _picture(given: PictureLike) -> Picture:
    return given if isinstance(given, Picture) else images.read(given)
