"""L-BFGS on preconditioned pixels, inside the box [0, 1] or another constraint."""

from __future__ import annotations

import math
from typing import Any

import torch
from torch import Tensor

from impasto.optim.constraints import BOX, Constraint
from impasto.optim.interface import Gradient, Losses, all_finite
from impasto.optim.inverse_hessian import InverseHessian
from impasto.optim.line_search import Trial, strong_wolfe
from impasto.optim.preconditioner import Preconditioner


class LBFGS:
    """L-BFGS with a strong-Wolfe line search (Liu & Nocedal 1989), one outer iteration per step.

    Units are chosen so that it behaves the same at any scale of the objective. The parameters are
    divided by (number of pixels × ``first_move``), and the loss is scaled to start at 1000. The
    first trial step moves each pixel by ``first_move`` on average.

    The parameters are not the pixels but white noise, or its cosine transform, which
    ``preconditioner`` maps to the change of the picture. For L-BFGS this is another initial guess
    of the inverse Hessian.

    The box is enforced by evaluating the clipped picture, plus a quadratic penalty on the part that
    was clipped away. So the loss is that of the picture that is saved, clipped pixels can come
    back, and no curvature pair is distorted by clipping. Other constraints are treated alike, with
    their projection in place of clipping.

    Args:
        gradient: Of the objective.
        image: Where to start.
        learning_rate: Factor on the first trial of every line search; 1 is plain L-BFGS.
        history: Number of curvature pairs kept.
        first_move: Mean change of a pixel in the first trial step.
        preconditioner: See :mod:`impasto.optim.preconditioner`; plain pixels by default.
        constraint: Which pictures are allowed; all in [0, 1] by default.
    """

    _INITIAL_LOSS = 1000.0
    _PENALTY = 10.0
    _BARRIER = 1e6
    # A longer search has left the range where the gradient is accurate, as happens near the optimum
    # in bfloat16: there it took 12 to 14 evaluations per step without progress.
    _MAX_EVALUATIONS = 10
    _MIN_PROGRESS = 1e-4

    def __init__(
        self,
        gradient: Gradient,
        image: Tensor,
        *,
        learning_rate: float = 1.0,
        history: int = 10,
        first_move: float = 0.01,
        preconditioner: Preconditioner | None = None,
        constraint: Constraint = BOX,
    ) -> None:
        size = image.shape[-2], image.shape[-1]
        self._gradient = gradient
        self._constraint = constraint
        self._preconditioner = preconditioner or Preconditioner(size, 0.0, image.device)
        self._first_move = first_move
        self._unit = image.numel() * first_move
        self._scale = 0.0  # of the loss; set by the first evaluation
        self._evaluations = 0  # in the current step
        self._converged = False
        self._origin = image.detach().clone(memory_format=torch.contiguous_format)
        self._parameter = torch.zeros_like(self._origin)
        self._rate = learning_rate
        self._inverse_hessian = InverseHessian(history, by_octaves=self._preconditioner.uses_dct)
        # The last evaluation is kept, since each search starts where the last one ended. Parameters
        # are never changed in place, so that identity is enough to recognize them.
        self._evaluated: Tensor | None = None
        self._trial: tuple[float, Tensor, Tensor] | None = None  # length, step, parameter
        self._picture: Tensor | None = None
        self._result: tuple[Losses, float, Tensor] | None = None

    def step(self) -> Losses:
        """One line search along one direction; the losses of the picture where it ended."""
        loss_before, gradient = self._evaluate(self._parameter)
        self._evaluations = 0
        steepest = not len(self._inverse_hessian)
        direction = self._inverse_hessian.direction(gradient)
        slope = float((gradient * direction).sum())
        moved = False
        if slope < 0:
            first = self._rate * (self._first_length(direction) if steepest else 1.0)
            trial = strong_wolfe(
                lambda length: self._try(direction, length),
                Trial(0.0, loss_before, slope),
                first,
                max_trials=self._MAX_EVALUATIONS,
            )
            moved = trial.length > 0
            self._move(direction, trial.length, gradient)
            self._inverse_hessian.adapt(backtracked=trial.length < first)
        loss, _ = self._evaluate(self._parameter)
        stalled = loss >= (1 - self._MIN_PROGRESS) * loss_before
        if not moved or loss == loss_before or (self._evaluations > 2 and stalled):
            # A long search without progress, or none: start again from steepest descent. If that
            # was steepest descent already, there is nothing left to find.
            self._inverse_hessian.clear()
            self._converged = steepest
        assert self._result is not None
        return self._result[0]

    @property
    def converged(self) -> bool:
        """Whether a search along steepest descent made no progress."""
        return self._converged

    @property
    def image(self) -> Tensor:
        """The current picture, as the constraint allows it."""
        return self._constraint.project(self._unclipped())

    @property
    def pixels(self) -> Tensor:
        """The current picture; the next step starts from it."""
        return self.image

    def restart(self, pixels: Tensor) -> None:
        """Continue from ``pixels`` with half the trial step and no curvature pairs."""
        self._origin.copy_(pixels)
        self._parameter = torch.zeros_like(self._origin)
        self._rate /= 2
        self._inverse_hessian.clear()
        self._converged = False
        self._evaluated = self._result = self._picture = None

    def state_dict(self) -> dict[str, Any]:
        """Pixels, curvature pairs, scale."""
        return {
            "origin": self._origin,
            "waves": self._parameter,
            "curvature": self._inverse_hessian.state_dict(),
            "rate": self._rate,
            "scale": self._scale,
            "converged": self._converged,
        }

    def load_state_dict(self, state: dict[str, Any]) -> None:
        """Restore what :meth:`state_dict` returned."""
        self._origin.copy_(state["origin"])
        self._parameter = torch.empty_like(self._origin).copy_(state["waves"])
        self._inverse_hessian.load_state_dict(state["curvature"], self._origin.device)
        self._rate = float(state["rate"])
        self._scale = float(state["scale"])
        self._converged = bool(state["converged"])
        self._evaluated = self._result = self._picture = None

    def _first_length(self, direction: Tensor) -> float:
        """The first length to try along steepest descent."""
        move = float(self._moved(direction).abs().mean())
        return min(1.0, self._first_move / move)

    def _try(self, direction: Tensor, length: float) -> Trial:
        """The loss and its slope at some length along a direction."""
        self._trial = None  # the last trial need not be held beside this one
        step = length * direction
        parameter = self._parameter + step
        self._trial = length, step, parameter
        loss, gradient = self._evaluate(parameter)
        return Trial(length, loss, float((gradient * direction).sum()))

    def _move(self, direction: Tensor, length: float, gradient_before: Tensor) -> None:
        """Go to the trial of that length, and store the curvature pair."""
        if self._trial is None or self._trial[0] != length:
            self._try(direction, length)
        assert self._trial is not None
        _, step, self._parameter = self._trial
        self._trial = None
        _, gradient = self._evaluate(self._parameter)
        self._inverse_hessian.add(step, gradient - gradient_before)

    @torch.no_grad()
    def _evaluate(self, parameter: Tensor) -> tuple[float, Tensor]:
        """The scaled loss and its gradient; the result for the last parameter is reused."""
        if self._result is None or self._evaluated is not parameter:
            # Whoever needs the last gradient holds it; of large pictures each is half a gigabyte.
            self._evaluated, self._picture, self._result = parameter, None, None
            self._picture = self._picture_at(parameter)
            self._result = self._measure(self._picture)
        return self._result[1], self._result[2]

    def _picture_at(self, parameter: Tensor) -> Tensor:
        return self._moved(parameter).add_(self._origin)

    def _moved(self, parameter: Tensor) -> Tensor:
        """The change of the picture that parameters stand for."""
        return self._preconditioner.to_pixels(parameter * self._unit, overwrite=True)

    def _unclipped(self) -> Tensor:
        if self._picture is not None and self._evaluated is self._parameter:
            return self._picture
        return self._picture_at(self._parameter)

    def _measure(self, pixels: Tensor) -> tuple[Losses, float, Tensor]:
        """The unscaled losses, the scaled loss with its penalty, and the gradient of the latter."""
        inside = self._constraint.project(pixels)
        # The line search can overflow where the loss is nothing but rounding.
        is_valid = all_finite(pixels)
        losses, gradient = self._gradient(inside) if is_valid else ({"loss": math.nan}, inside)
        self._evaluations += 1
        total = sum(losses.values())
        if not (math.isfinite(total) and all_finite(gradient)):
            # A barrier that makes the search backtrack; NaN would make it continue for ever.
            losses = dict.fromkeys(losses, math.nan)
            return losses, self._BARRIER, torch.zeros_like(self._parameter)
        if not self._scale:
            self._scale = self._INITIAL_LOSS / max(abs(total), 1e-30)
        outside = pixels - inside
        del inside
        # Equal to the initial loss if every pixel were clipped by 1/√_PENALTY.
        penalty = self._PENALTY * self._INITIAL_LOSS / pixels.numel()
        loss = self._scale * total + penalty * float(outside.square().sum())
        gradient = gradient * self._scale
        gradient = self._constraint.pull_back(pixels, outside, gradient, 2 * penalty)
        del outside
        gradient = self._preconditioner.pull_back(gradient).mul_(self._unit)
        return losses, loss, gradient.contiguous()


def history_size(pixels: int, steps: int | None = None) -> int:
    """Number of curvature pairs that L-BFGS keeps for a picture of so many pixels.

    Half as many for large pictures, where few steps are made and each pair needs much memory; never
    more than are used: the pair of the last step is not.
    """
    pairs = 10 if pixels <= 500_000 else 5
    return pairs if steps is None else max(1, min(pairs, steps - 1))
