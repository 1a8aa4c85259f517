"""Colour modes: whose colours a painting has, applied to the pictures before and after painting.

Gatys et al. 2016, "Preserving Color in Neural Artistic Style Transfer", arXiv:1606.05897.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass

import torch
from torch import Tensor

from impasto.colour.in_strips import match_colours_in_strips, match_lightness_in_strips
from impasto.colour.matching import keep_chroma
from impasto.colour.spaces import lightness_picture
from impasto.errors import unknown_name
from impasto.images.picture import as_float, match_dtype
from impasto.runtime.strips import strips

_STRIP_PIXELS = 2**18
"""Pixels of a strip: in float64, with the temporaries, each takes about 400 bytes."""


def apply_in_strips(function: Callable[..., Tensor], space: str, *pictures: Tensor) -> Tensor:
    """Apply a function of single pixels to some rows at a time, which needs little memory.

    Args:
        function: (rows of each picture, space) → rows of the result, all (1, 3, h, W) in [0, 1].
        space: Name of a colour space.
        *pictures: (1, 3, H, W) of one size; uint8 is scaled to [0, 1].

    Returns:
        (1, 3, H, W), uint8 if the first picture is.
    """
    result = torch.empty_like(pictures[0])
    for rows, *parts in strips(result, *pictures, max_elements=3 * _STRIP_PIXELS):
        rows.copy_(match_dtype(function(*map(as_float, parts), space), result))
    return result


def _same_content(content: Tensor, space: str) -> Tensor:
    return content


def _same_style(
    style: Tensor, content: Tensor, weight_map: Tensor | None, space: str, matching: str
) -> Tensor:
    return style


def _same_result(painted: Tensor, content: Tensor, space: str) -> Tensor:
    return painted


def _restore_chroma(painted: Tensor, content: Tensor, space: str) -> Tensor:
    return apply_in_strips(keep_chroma, space, painted, content)


@dataclass(frozen=True)
class ColourMode:
    """A choice of whose colours a painting has; pictures are (1, 3, H, W) in [0, 1].

    Attributes:
        about: Description in a few words.
        content: (content, space) → the picture to paint.
        style: (style, content, weight map, space, matching) → the style picture to use; the weight
            map (1, 1, H, W) weights the content's colours, None weights all alike.
        result: (painted, content, space) → the picture to save; both of one size, ``painted`` in
            uint8 if it is very large.
        recolours: Whether the style picture depends on the content.
    """

    about: str
    content: Callable[[Tensor, str], Tensor] = _same_content
    style: Callable[[Tensor, Tensor, Tensor | None, str, str], Tensor] = _same_style
    result: Callable[[Tensor, Tensor, str], Tensor] = _same_result
    recolours: bool = False


COLOUR_MODES: Mapping[str, ColourMode] = {
    "style": ColourMode("all colours of the style"),
    "content": ColourMode(
        "painted in the style's colours, of which only the lightness is kept",
        result=_restore_chroma,
    ),
    "luminance": ColourMode(
        "painted in greys, with the content's colours (arXiv:1606.05897, section 3.2)",
        content=lambda content, space: apply_in_strips(lightness_picture, space, content),
        style=lambda style, content, weight_map, space, matching: match_lightness_in_strips(
            style, content, space
        ),
        result=_restore_chroma,
        recolours=True,
    ),
    "match": ColourMode(
        "the style picture gets the content's palette first (section 3.1)",
        style=lambda style, content, weight_map, space, matching: match_colours_in_strips(
            style, content, matching, weight_map
        ),
        recolours=True,
    ),
}
"""Colour modes by name."""


def get_colour_mode(name: str) -> ColourMode:
    """The colour mode of that name.

    Raises:
        OptionError: For an unknown name, listing all.
    """
    if name not in COLOUR_MODES:
        raise unknown_name("colour mode", name, COLOUR_MODES)
    return COLOUR_MODES[name]
