"""Coarse to fine: the sizes at which a picture is painted, and how long at each.

Small sizes settle the composition at a small fraction of the cost; each later size adds the strokes
that only it can show (Gatys et al. 2017, arXiv:1611.07865, section 6).
"""

from __future__ import annotations

import math
from dataclasses import dataclass

from impasto.images.picture import fit_size
from impasto.recipes.recipe import Recipe

_SMALLER = 10
"""Steps at each smaller size where a recipe does not say: large forms need no more."""


@dataclass(frozen=True)
class Stage:
    """One size of the pyramid.

    Attributes:
        size: Height and width in pixels.
        steps: Optimization steps.
    """

    size: tuple[int, int]
    steps: int

    @property
    def work(self) -> float:
        """What the stage costs, in steps times pixels."""
        return float(self.steps * self.size[0] * self.size[1])


def plan_stages(
    recipe: Recipe, content: tuple[int, int], *, least_side: int = 32
) -> tuple[Stage, ...]:
    """The stages for a content picture.

    Args:
        recipe: Gives size, scales, steps.
        content: Height and width of the picture to be painted, at full size.
        least_side: No stage has a side under this many pixels, since the encoder's deepest layer
            would vanish.

    Returns:
        Small to large; the last has the size of ``content``, though it may have no steps: then the
        picture is only enlarged to it. There is always one.
    """
    long_side = max(content)
    scales = recipe.scales or 1 + math.floor(
        2 * math.log2(max(1.0, long_side / recipe.smallest)) + 1e-9
    )
    sizes = [content]
    for index in range(1, scales):
        smaller = fit_size(content, max(1, round(long_side / math.sqrt(2) ** index)))
        if min(smaller) < least_side:
            break
        sizes.insert(0, smaller)
    steps = [recipe.steps or _SMALLER] * len(sizes)
    if len(sizes) > 1 or not recipe.steps:
        steps[-1] = recipe.final_steps
    return tuple(Stage(size, count) for size, count in zip(sizes, steps, strict=True))
