"""The sizes at which a picture is painted, coarse to fine, and the steps at each.

Small sizes settle the composition at a fraction of the cost; larger sizes add finer strokes (Gatys
et al. 2017, arXiv:1611.07865, section 6).
"""

from __future__ import annotations

import math
from dataclasses import dataclass

from impasto.images.picture import fit_size
from impasto.recipes.recipe import Recipe

_SMALLER_STEPS = 10
"""Default steps at each size but the last: large forms need no more."""


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
        """Steps times pixels."""
        return float(self.steps * self.size[0] * self.size[1])


def plan_stages(
    recipe: Recipe, content: tuple[int, int], *, minimum_side: int = 32
) -> tuple[Stage, ...]:
    """The stages of a painting.

    Args:
        recipe: Of its entries scales, scale_ratio, smallest, steps and final_steps.
        content: Height and width of the finished picture.
        minimum_side: Smallest side of a stage in pixels, given by the encoder's deepest layer.

    Returns:
        At least one stage, small to large. The last has the size of ``content``; without steps, the
        picture is only enlarged to it.
    """
    long_side = max(content)
    scales = recipe.scales or 1 + math.floor(
        math.log(max(1.0, long_side / recipe.smallest), recipe.scale_ratio) + 1e-9
    )
    sizes = [content]
    for index in range(1, scales):
        smaller = fit_size(content, max(1, round(long_side / recipe.scale_ratio**index)))
        if min(smaller) < minimum_side:
            break
        sizes.insert(0, smaller)
    steps = [recipe.steps or _SMALLER_STEPS] * len(sizes)
    if len(sizes) > 1 or not recipe.steps:
        steps[-1] = recipe.final_steps
    return tuple(Stage(size, count) for size, count in zip(sizes, steps, strict=True))
