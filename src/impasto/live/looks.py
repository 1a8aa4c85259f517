"""The styles and strengths that live pictures are painted in, changed by keys."""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence
from fractions import Fraction

import torch

from impasto.errors import OptionError, option
from impasto.jobs.requests import StyleInput, StylizeRequest, parse_styles, split_styles
from impasto.jobs.resources import Resources
from impasto.networks.catalogue import networks, style_names
from impasto.onepass.stylizer import Stylizer
from impasto.regions.regions import resolve_name
from impasto.video.painters import FrameByFrame, FramePainter, Look
from impasto.video.steady import check_steady, steadied

_STEP = 0.1


def live_styles(words: Sequence[str]) -> list[tuple[StyleInput, ...]]:
    """The looks that a key changes between: each word one, its mixtures separated by commas.

    One name of a style is followed by the others of its model.

    Raises:
        OptionError: If there is no style.
    """
    looks = [parse_styles(split_styles(word)) for word in words]
    if not looks:
        raise OptionError(f"Name a style: impasto live {option('style')} great-wave")
    if len(looks) == 1 and len(looks[0]) == 1:
        (style,) = looks[0]
        for model in networks():
            names = style_names(model)
            name = resolve_name(str(style.source), names)
            if name in names:
                others = [n for n in names if n != name]
                return [looks[0], *((StyleInput(other),) for other in others)]
    return looks


class Looks:
    """The looks, one of which is painted.

    Args:
        picture: How pictures are painted; its styles are those of the first look.
        looks: The styles of each look.
        steady: See :class:`impasto.video.steady.SteadyPainter`.
        device: Where to paint.
        memory: See :class:`impasto.onepass.stylizer.Stylizer`.
        max_pixels: Larger style pictures are refused.

    Raises:
        ImpastoError: For a style that cannot be used.
    """

    def __init__(
        self,
        picture: StylizeRequest,
        looks: Sequence[tuple[StyleInput, ...]],
        *,
        steady: float,
        device: torch.device,
        memory: float | None,
        max_pixels: int,
    ) -> None:
        check_steady(steady)
        self._picture, self._looks, self._steady = picture, list(looks), steady
        self._device, self._memory, self._max_pixels = device, memory, max_pixels
        self._resources = Resources()
        self._number, self.strength = 0, picture.strength
        self._stylizer = self._open(0)
        self.painter = self._new_painter()

    @property
    def name(self) -> str:
        """The styles that are painted, and their strength."""
        styles = " + ".join(str(style) for style in self._looks[self._number])
        return styles if self.strength == 1 else f"{styles} at {self.strength:.0%}"

    @property
    def least_side(self) -> int:
        """The smallest side that can be painted, in pixels."""
        return self._stylizer.painter.least_side

    def change(self, step: int) -> None:
        """Paint the next look, or for −1 the one before."""
        self._number = (self._number + step) % len(self._looks)
        self._stylizer = self._open(self._number)
        self.painter = self._new_painter()

    def strengthen(self, steps: int) -> None:
        """Make the style stronger by tenths, or weaker; it stays within 0 and 1.

        Raises:
            OptionError: If the model knows no strengths.
        """
        wanted = min(1.0, max(0.0, round(self.strength + _STEP * steps, 2)))
        if wanted < 1:  # refused here and not at the next picture
            few = torch.full((1, 3, 64, 64), 0.5, device=self._device)
            self._stylizer.painter.stylist.identity_style(few)
        self.strength = wanted

    def new_painter(self) -> FramePainter:
        """A painter of the look that remembers no picture, to measure with."""
        return self._new_painter()

    def _open(self, number: int) -> Stylizer:
        request = dataclasses.replace(self._picture, styles=self._looks[number])
        return self._resources.stylizer(
            request, memory=self._memory, max_pixels=self._max_pixels, device=self._device
        )

    def _new_painter(self) -> FramePainter:
        vector = self._stylizer.vector

        def look(seconds: Fraction) -> Look:
            return Look(vector, self.strength)

        return steadied(FrameByFrame(self._stylizer, look), self._steady)
