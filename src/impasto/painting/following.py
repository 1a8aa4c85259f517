"""A frame of a clip, painted so that it follows from the painting of the frame before.

Ruder, Dosovitskiy & Brox 2016, "Artistic style transfer for videos", arXiv:1604.08610: the painting
starts from the one before, moved along the optical flow, and a term of the objective holds it there
wherever the scene is the same.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

from torch import Tensor

from impasto.images.picture import PictureLike, resize
from impasto.objective.objective import Objective
from impasto.objective.picture_terms import TemporalTerm
from impasto.objective.tiled import TiledObjective
from impasto.painting.objective_builder import Style
from impasto.painting.painter import Painter
from impasto.recipes.recipe import Recipe


@dataclass(frozen=True)
class Before:
    """The painting before, at the places of a frame.

    Attributes:
        start: Where the frame's painting starts, (1, 3, H, W) in [0, 1].
        trust: Where ``start`` is the painting before and is held, (1, 1, H, W) in [0, 1].
        weight: Of the temporal term.
    """

    start: Tensor = field(repr=False)
    trust: Tensor = field(repr=False)
    weight: float


class FollowingPainter(Painter):
    """Paints one frame after another; see :class:`impasto.painting.painter.Painter`.

    Args:
        content: The frame.
        styles: See :class:`impasto.painting.painter.Painter`.
        recipe: The frame is painted at its own size alone.
        before: What is held of the painting before.
        steps: Optimization steps.
        **options: See :class:`impasto.painting.painter.Painter`.
    """

    def __init__(
        self,
        content: PictureLike,
        styles: Sequence[PictureLike | Style],
        recipe: Recipe,
        before: Before,
        steps: int,
        **options: Any,
    ) -> None:
        # At one size: smaller ones would paint the large forms anew.
        recipe = recipe.replace(scales=1, paint_size=0, steps=steps)
        super().__init__(content, styles, recipe, initial_image=before.start, **options)
        self._before = before

    def objective(self, size: tuple[int, int]) -> Objective | TiledObjective:
        """The objective at a size (height, width), with the temporal term."""
        objective, before = super().objective(size), self._before
        if not before.weight:
            return objective
        start, trust = (resize(x.to(self.device), size) for x in (before.start, before.trust))
        return objective.plus(TemporalTerm(start, trust, before.weight))
