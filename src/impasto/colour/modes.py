"""Whose colours a painting has: what is done to the pictures before, and to the result after.

Gatys et al. 2016, "Preserving Color in Neural Artistic Style Transfer", arXiv:1606.05897.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass

import torch
from torch import Tensor

from impasto.colour.matching import keep_chroma, match_colours, match_lightness
from impasto.colour.spaces import lightness_picture
from impasto.errors import unknown_name
from impasto.images.picture import as_floats, in_type_of
from impasto.runtime.strips import strips

_STRIP = 2**18
"""Pixels of a strip: in float64, with what lies between, each takes some 400 bytes."""


def in_strips(change: Callable[..., Tensor], space: str, *pictures: Tensor) -> Tensor:
    """What is done to each pixel by itself, done to some rows at a time.

    Args:
        change: (rows of each picture, space) → rows of the result, all (1, 3, h, W) in [0, 1].
        space: Name of a colour space.
        *pictures: Of one size; one in uint8 is taken as 255ths.

    Returns:
        (1, 3, H, W), uint8 if the first picture is.
    """
    made = torch.empty_like(pictures[0])
    for room, *parts in strips(made, *pictures, numbers=3 * _STRIP):
        room.copy_(in_type_of(change(*map(as_floats, parts), space), made))
    return made


@dataclass(frozen=True)
class ColourMode:
    """One answer to whose colours a painting has; pictures are (1, 3, H, W) in [0, 1].

    Attributes:
        content: (content, space) → the picture to paint.
        style: (style, content, where, space, matching) → the picture to paint after; ``where`` are
            weights (1, 1, H, W) of the content's colours, or None for all alike.
        result: (painted, content, space) → the picture to save; both of one size, ``painted`` in
            uint8 if it is very large.
        about: In a few words.
        recolours: Whether the style is changed by the content painted.
    """

    content: Callable[[Tensor, str], Tensor]
    style: Callable[[Tensor, Tensor, Tensor | None, str, str], Tensor]
    result: Callable[[Tensor, Tensor, str], Tensor]
    about: str
    recolours: bool = False


COLOUR_MODES: Mapping[str, ColourMode] = {
    "style": ColourMode(
        content=lambda content, space: content,
        style=lambda style, content, where, space, matching: style,
        result=lambda painted, content, space: painted,
        about="all that the style brings",
    ),
    "content": ColourMode(
        content=lambda content, space: content,
        style=lambda style, content, where, space, matching: style,
        result=lambda painted, content, space: in_strips(keep_chroma, space, painted, content),
        about="painted in the style's colours, then lightness alone is kept of them",
    ),
    "luminance": ColourMode(
        content=lambda content, space: in_strips(lightness_picture, space, content),
        style=lambda style, content, where, space, matching: match_lightness(style, content, space),
        result=lambda painted, content, space: in_strips(keep_chroma, space, painted, content),
        about="painted in greys, under the content's colours (arXiv:1606.05897, section 3.2)",
        recolours=True,
    ),
    "match": ColourMode(
        content=lambda content, space: content,
        style=lambda style, content, where, space, matching: match_colours(
            style, content, matching, content_weights=where
        ),
        result=lambda painted, content, space: painted,
        about="the style picture is given the content's palette first (section 3.1)",
        recolours=True,
    ),
}
"""Colour modes by name."""


def get_colour_mode(name: str) -> ColourMode:
    """The mode of that name; an error that lists all for a wrong one."""
    if name not in COLOUR_MODES:
        raise unknown_name("colour mode", name, COLOUR_MODES)
    return COLOUR_MODES[name]
