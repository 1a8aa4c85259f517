"""The sizes at which a picture is painted, coarse to fine, and the steps at each.

Small sizes settle the composition at a fraction of the cost; larger sizes add finer strokes (Gatys
et al. 2017, arXiv:1611.07865, section 6). Beyond the recipe's ``paint_size`` strokes would be too
fine to be seen, and steps take minutes each: there the painting is enlarged along the photograph's
edges, and a few steps touch it up.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

from impasto.images.picture import fit_size
from impasto.recipes.recipe import Recipe

_LARGER = 1.25
"""A picture is painted as a whole up to this many times ``paint_size``: so little finer strokes do
not show, and nothing has to be enlarged."""

_SMALLER_STEPS = 10
"""Default steps at each size but the last: large forms need no more."""


@dataclass(frozen=True)
class Stage:
    """One size of the pyramid.

    Attributes:
        size: Height and width in pixels.
        steps: Optimization steps.
        along_edges: Whether it starts from a painting that is enlarged along the photograph's
            edges (:mod:`impasto.enlargement`).
    """

    size: tuple[int, int]
    steps: int
    along_edges: bool = False

    @property
    def work(self) -> float:
        """Steps times pixels."""
        return float(self.steps * self.size[0] * self.size[1])


def plan_stages(
    recipe: Recipe, content: tuple[int, int], *, minimum_side: int = 32
) -> tuple[Stage, ...]:
    """The stages of a painting.

    Args:
        recipe: Of its entries scales, scale_ratio, smallest, steps and final_steps, paint_size and
            touch_up_steps.
        content: Height and width of the finished picture.
        minimum_side: Smallest side of a stage in pixels, given by the encoder's deepest layer.

    Returns:
        At least one stage, small to large. The last has the size of ``content``; without steps, the
        picture is only enlarged to it.
    """
    painted = _painted_size(recipe, content, minimum_side)
    if painted != content:
        stages = plan_stages(recipe.replace(paint_size=0), painted, minimum_side=minimum_side)
        return (*stages, Stage(content, recipe.touch_up_steps, along_edges=True))
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


def _painted_size(recipe: Recipe, content: tuple[int, int], minimum_side: int) -> tuple[int, int]:
    """The size at which strokes are painted: that of the picture, unless it is much larger."""
    if not recipe.paint_size or max(content) <= _LARGER * recipe.paint_size:
        return content
    painted = fit_size(content, recipe.paint_size)
    return painted if min(painted) >= minimum_side else content
