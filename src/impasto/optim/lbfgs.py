"""L-BFGS on the pixels, in units of its own, inside the box [0, 1]."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import torch
from torch import Tensor

from impasto.optim.inverse_hessian import InverseHessian
from impasto.optim.line_search import Trial, strong_wolfe
from impasto.optim.preconditioner import Preconditioner

Losses = dict[str, float]
Gradient = Callable[[Tensor], tuple[Losses, Tensor]]
"""Picture (1, 3, H, W) → the value of every term, and the gradient of their sum."""


class LBFGS:
    """L-BFGS with a strong-Wolfe line search (Liu & Nocedal 1989), one outer iteration a step.

    It is fed in such units that it behaves the same whatever the scale of the objective: the pixels
    are divided by (number of pixels × ``first_move``), and the loss is scaled to start at 1000. Its
    first trial step moves each pixel by ``first_move`` on average.

    What it moves is not the picture but white noise, or its waves, of which the picture's change is
    the image under ``preconditioner``; for the method this is another first guess of the inverse
    curvature.

    The box is held by evaluating the *clipped* picture, plus a quadratic pull on what was clipped
    away: what is measured is what is saved, clipped pixels can come back, and no curvature pair is
    ever changed behind the optimizer's back.

    Args:
        gradient: Of the objective.
        image: Where to start.
        learning_rate: Factor on every step's first trial; 1 is the method's own.
        history: Pairs of differences kept.
        first_move: Mean change of a pixel in the first trial step.
        preconditioner: See :mod:`impasto.optim.preconditioner`; the pixels themselves by default.
    """

    _START = 1000.0
    _PULL = 10.0
    _WALL = 1e6
    # A search that takes this long has left the range where the gradient can be trusted, as it does
    # near the goal in bf16: there it took 12 to 14 evaluations a step, for nothing.
    _MAX_EVALUATIONS = 10
    _LEAST_PROGRESS = 1e-4

    def __init__(
        self,
        gradient: Gradient,
        image: Tensor,
        *,
        learning_rate: float = 1.0,
        history: int = 10,
        first_move: float = 0.01,
        preconditioner: Preconditioner | None = None,
    ) -> None:
        self._gradient = gradient
        self._map = preconditioner or Preconditioner((image.shape[-2], image.shape[-1]), 0.0)
        self._first_move = first_move
        self._unit = image.numel() * first_move
        self._scale = 0.0  # of the loss; known after the first evaluation
        self._evaluations = 0  # in the present step
        self._converged = False
        self._origin = image.detach().clone(memory_format=torch.contiguous_format)
        self._parameter = torch.zeros_like(self._origin)
        self._rate = learning_rate
        self._curvature = InverseHessian(history, by_octaves=self._map.moves_waves)
        # Where the last search ended the next begins: remembered, not evaluated twice. No place is
        # ever changed in place, so that it is known again without a look at its numbers.
        self._at: Tensor | None = None
        self._trial: tuple[float, Tensor, Tensor] | None = None  # length, step and place
        self._picture: Tensor | None = None
        self._found: tuple[Losses, float, Tensor] | None = None

    def step(self) -> Losses:
        """One search along one direction; the losses of the picture it ended at."""
        before, slope = self._evaluate(self._parameter)
        self._evaluations = 0
        fresh = not len(self._curvature)
        direction = self._curvature.direction(slope)
        steepness = float((slope * direction).sum())
        moved = False
        if steepness < 0:
            first = self._rate * (self._first_length(direction) if fresh else 1.0)
            found = strong_wolfe(
                lambda length: self._along(direction, length),
                Trial(0.0, before, steepness),
                first,
                most=self._MAX_EVALUATIONS,
            )
            moved = found.length > 0
            self._move(direction, found.length, slope)
            self._curvature.learn_of_search(turned_back=found.length < first)
        after, _ = self._evaluate(self._parameter)
        little = after >= (1 - self._LEAST_PROGRESS) * before
        if not moved or after == before or (self._evaluations > 2 and little):
            # A long search for nothing, or none: begin again from steepest descent, and if that was
            # one already, there is nothing left to find.
            self._curvature.clear()
            self._converged = fresh
        assert self._found is not None
        return self._found[0]

    @property
    def converged(self) -> bool:
        """Whether a search along the steepest descent found nothing."""
        return self._converged

    @property
    def image(self) -> Tensor:
        """The picture as it stands, clipped."""
        return self._unclipped().clamp(0, 1)

    @property
    def pixels(self) -> Tensor:
        """The picture as it stands: there is no other."""
        return self.image

    def restart(self, pixels: Tensor) -> None:
        """Go on from ``pixels`` with half the trial step and no curvature."""
        self._origin.copy_(pixels)
        self._parameter = torch.zeros_like(self._origin)
        self._rate /= 2
        self._curvature.clear()
        self._converged = False
        self._at = self._found = self._picture = None

    def state_dict(self) -> dict[str, Any]:
        """Pixels, curvature pairs, scale."""
        return {
            "origin": self._origin,
            "waves": self._parameter,
            "curvature": self._curvature.state_dict(),
            "rate": self._rate,
            "scale": self._scale,
            "converged": self._converged,
        }

    def load_state_dict(self, state: dict[str, Any]) -> None:
        """Be as when ``state`` was taken."""
        self._origin.copy_(state["origin"])
        self._parameter = torch.empty_like(self._origin).copy_(state["waves"])
        self._curvature.load_state_dict(state["curvature"])
        self._rate = float(state["rate"])
        self._scale = float(state["scale"])
        self._converged = bool(state["converged"])
        self._at = self._found = self._picture = None

    def _first_length(self, direction: Tensor) -> float:
        """How far to go first where no curvature is known."""
        move = float(self._map.picture(direction * self._unit).abs().mean())
        return min(1.0, self._first_move / move)

    def _along(self, direction: Tensor, length: float) -> Trial:
        """The loss and its steepness so far along a direction."""
        step = length * direction
        place = self._parameter + step
        self._trial = length, step, place
        loss, slope = self._evaluate(place)
        return Trial(length, loss, float((slope * direction).sum()))

    def _move(self, direction: Tensor, length: float, slope: Tensor) -> None:
        """Go there, and remember what the curvature was on the way."""
        if self._trial is None or self._trial[0] != length:
            self._along(direction, length)
        assert self._trial is not None
        _, step, self._parameter = self._trial
        self._trial = None
        _, now = self._evaluate(self._parameter)
        self._curvature.add(step, now - slope)

    @torch.no_grad()
    def _evaluate(self, parameter: Tensor) -> tuple[float, Tensor]:
        """The scaled loss and its slope at a place; remembered for the place asked for last."""
        if self._found is None or self._at is not parameter:
            self._at = parameter
            self._picture = self._picture_at(parameter)
            self._found = self._measure(self._picture)
        return self._found[1], self._found[2]

    def _picture_at(self, parameter: Tensor) -> Tensor:
        return self._origin + self._map.picture(parameter * self._unit)

    def _unclipped(self) -> Tensor:
        if self._picture is not None and self._at is self._parameter:
            return self._picture
        return self._picture_at(self._parameter)

    def _measure(self, pixels: Tensor) -> tuple[Losses, float, Tensor]:
        inside = pixels.clamp(0, 1)
        # The search's own arithmetic overflows now and then where the loss is but rounding.
        sound = is_finite(pixels)
        losses, gradient = self._gradient(inside) if sound else ({"loss": math.nan}, inside)
        self._evaluations += 1
        total = sum(losses.values())
        if not (math.isfinite(total) and is_finite(gradient)):
            # A wall, from which the search turns back: NaN itself would lead it on for ever.
            nothing = dict.fromkeys(losses, math.nan)
            return nothing, self._WALL, torch.zeros_like(self._parameter)
        if not self._scale:
            self._scale = self._START / max(abs(total), 1e-30)
        outside = pixels - inside
        # As much as the loss itself if every pixel were clipped by 1/√_PULL.
        pull = self._PULL * self._START / pixels.numel()
        loss = self._scale * total + pull * float(outside.square().sum())
        gradient = torch.where(outside == 0, gradient * self._scale, outside * (2 * pull))
        return losses, loss, (self._map.slope(gradient) * self._unit).contiguous()


def is_finite(numbers: Tensor) -> bool:
    """Whether they all are; their sum tells in a fifth of the time that looking at each takes."""
    return math.isfinite(float(numbers.sum()))


_LARGE = 5e5
"""Pixels above which L-BFGS keeps half its pairs: there few steps are made, and pairs are large."""


def history(pixels: int) -> int:
    """How many pairs L-BFGS keeps for a picture of so many pixels."""
    return 10 if pixels <= _LARGE else 5
