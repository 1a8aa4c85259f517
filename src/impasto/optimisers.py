"""Two ways to move a picture downhill, behind one small interface.

Both keep the picture inside [0, 1], can be put to sleep and woken (``state_dict``), and never see
more of the objective than its value and its gradient.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any, Protocol

import torch
import torch.nn.functional as F
from torch import Tensor

from impasto.errors import unknown_name
from impasto.memory import history
from impasto.preconditioning import Preconditioner

Losses = dict[str, float]
Gradient = Callable[[Tensor], tuple[Losses, Tensor]]
"""Picture (1, 3, H, W) → the value of every term, and the gradient of their sum."""


class Optimiser(Protocol):
    """Something that improves a picture step by step."""

    def step(self) -> Losses:
        """Improve the picture; the losses found on the way, of the best picture evaluated."""
        ...

    @property
    def image(self) -> Tensor:
        """The picture as it stands, (1, 3, H, W) in [0, 1]; not to be written to."""
        ...

    @property
    def pixels(self) -> Tensor:
        """Where the next step starts from, (1, 3, H, W); not to be written to."""
        ...

    @property
    def converged(self) -> bool:
        """Whether further steps would change nothing."""
        ...

    def restart(self, pixels: Tensor) -> None:
        """Go on from ``pixels`` with half the step, without what led to a bad step."""
        ...

    def state_dict(self) -> dict[str, Any]:
        """All that the next step depends on."""
        ...

    def load_state_dict(self, state: dict[str, Any]) -> None:
        """Be as when ``state`` was taken."""
        ...


class Adam:
    """Adam on the pixels (Kingma & Ba 2015), with the average of its iterates as the picture.

    Args:
        gradient: Of the objective.
        image: Where to start.
        learning_rate: In pixel values of [0, 1]; about how far a pixel moves in one step.
        average: Decay of the exponential moving average of the iterates, bias-corrected; 0 for
            none. The average is free of the jitter of single steps.
    """

    def __init__(
        self,
        gradient: Gradient,
        image: Tensor,
        *,
        learning_rate: float = 0.02,
        average: float = 0.0,
    ) -> None:
        self._gradient = gradient
        self._pixels = image.detach().clone(memory_format=torch.contiguous_format).clamp_(0, 1)
        self._adam = torch.optim.Adam([self._pixels], lr=learning_rate, betas=(0.9, 0.99))
        self._decay = average
        self._sum = torch.zeros_like(self._pixels)
        self._mass = 0.0

    def step(self) -> Losses:
        """One step of Adam; the losses are those of the picture before it."""
        losses, self._pixels.grad = self._gradient(self._pixels)
        self._adam.step()
        self._pixels.clamp_(0, 1)
        if self._decay:
            self._sum.lerp_(self._pixels, 1 - self._decay)
            self._mass = 1 - self._decay * (1 - self._mass)
        return losses

    @property
    def image(self) -> Tensor:
        """The average of the iterates if there is one, else the last."""
        # Rounding can leave the average of ones a little above one.
        return (self._sum / self._mass).clamp_(0, 1) if self._mass else self._pixels

    @property
    def pixels(self) -> Tensor:
        """The last iterate."""
        return self._pixels

    @property
    def converged(self) -> bool:
        """Never: Adam circles its goal."""
        return False

    def restart(self, pixels: Tensor) -> None:
        """Go on from ``pixels`` with half the learning rate, no moments and a new average."""
        self._pixels.copy_(pixels)
        for group in self._adam.param_groups:
            group["lr"] /= 2
        self._adam.state.clear()
        self._sum.zero_()
        self._mass = 0.0

    def carry_to(self, other: Adam) -> None:
        """Hand the moments to an optimiser of another size of the same picture.

        The step count goes with them (Crowson's practice): otherwise the bias correction of a new
        start would make the first steps at each size as wild as the very first.
        """
        state = self._adam.state.get(self._pixels)
        if not state:
            return
        size = other._pixels.shape[-2:]
        other._adam.state[other._pixels] = {
            "step": state["step"].clone(),
            # Bilinear: it does not overshoot, and a second moment may not be negative.
            **{
                k: F.interpolate(state[k], size, mode="bilinear") for k in ("exp_avg", "exp_avg_sq")
            },
        }

    def state_dict(self) -> dict[str, Any]:
        """Pixels, moments, average."""
        return {
            "pixels": self._pixels,
            "adam": self._adam.state_dict(),
            "sum": self._sum,
            "mass": self._mass,
        }

    def load_state_dict(self, state: dict[str, Any]) -> None:
        """Be as when ``state`` was taken."""
        self._pixels.copy_(state["pixels"])
        self._adam.load_state_dict(state["adam"])
        self._sum.copy_(state["sum"])
        self._mass = float(state["mass"])


class LBFGS:
    """L-BFGS with a strong-Wolfe line search (Liu & Nocedal 1989), one outer iteration a step.

    torch's own, fed in such units that it behaves the same whatever the scale of the objective: the
    pixels are divided by (number of pixels × ``first_move``), so that its first trial step, of unit
    L1 length, moves each pixel by ``first_move`` on average; and the loss is scaled to start at
    1000, so that its absolute thresholds never bite. Left alone, it freezes on small losses and
    needs a handful of evaluations to find its first step.

    What it moves is not the picture but white noise, of which the picture's change is the image
    under ``preconditioner``; for the method this is another first guess of the inverse curvature.

    The box is held by evaluating the *clipped* picture, plus a quadratic pull on what was clipped
    away: what is measured is what is saved, clipped pixels can come back, and no curvature pair is
    ever changed behind the optimiser's back.

    Args:
        gradient: Of the objective.
        image: Where to start.
        learning_rate: Factor on every step's first trial; 1 is the method's own.
        history: Pairs of differences kept.
        first_move: Mean change of a pixel in the first trial step.
        preconditioner: A symmetric linear map of pictures (see :mod:`impasto.preconditioning`).
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
        preconditioner: Callable[[Tensor], Tensor] | None = None,
    ) -> None:
        self._gradient = gradient
        self._map = preconditioner or _identity
        self._unit = image.numel() * first_move
        self._history = history
        self._scale = 0.0  # of the loss; known after the first evaluation
        self._evaluations = 0  # in the present step
        self._converged = False
        self._origin = image.detach().clone(memory_format=torch.contiguous_format)
        self._parameter = torch.zeros_like(self._origin)
        self._solver = self._new_solver(learning_rate)
        # The solver evaluates where its last search ended once more: remembered, not done twice.
        self._at: Tensor | None = None
        self._picture: Tensor | None = None
        self._found: tuple[Losses, Tensor, Tensor] | None = None

    def step(self) -> Losses:
        """One search along one direction; the losses of the picture it ended at."""
        before = float(self._evaluate())
        self._evaluations = 0
        fresh = not self._solver.state
        self._solver.step(self._evaluate)  # type: ignore[no-untyped-call]
        after = float(self._evaluate())
        little = after >= (1 - self._LEAST_PROGRESS) * before
        if after == before or (self._evaluations > 2 and little):
            # A long search for nothing, or none: begin again from steepest descent, and if that was
            # one already, there is nothing left to find.
            self._solver = self._new_solver(self._solver.param_groups[0]["lr"])
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
        self._parameter.zero_()
        self._solver = self._new_solver(self._solver.param_groups[0]["lr"] / 2)
        self._converged = False
        self._at = self._found = self._picture = None

    def state_dict(self) -> dict[str, Any]:
        """Pixels, curvature pairs, scale."""
        return {
            "origin": self._origin,
            "parameter": self._parameter,
            "solver": self._solver.state_dict(),
            "scale": self._scale,
            "converged": self._converged,
        }

    def load_state_dict(self, state: dict[str, Any]) -> None:
        """Be as when ``state`` was taken."""
        self._origin.copy_(state["origin"])
        self._parameter.copy_(state["parameter"])
        self._solver.load_state_dict(state["solver"])
        self._scale = float(state["scale"])
        self._converged = bool(state["converged"])
        self._at = self._found = self._picture = None

    def _new_solver(self, learning_rate: float) -> torch.optim.LBFGS:
        # max_eval is needed with max_iter=1: its default would leave the search one evaluation.
        return torch.optim.LBFGS(
            [self._parameter],
            lr=learning_rate,
            max_iter=1,
            max_eval=self._MAX_EVALUATIONS,
            tolerance_grad=0.0,
            tolerance_change=0.0,
            history_size=self._history,
            line_search_fn="strong_wolfe",
        )

    @torch.no_grad()
    def _evaluate(self) -> Tensor:
        if self._found is None or not self._is_remembered():
            self._picture = self._unclipped()
            self._at = self._parameter.clone()
            self._found = self._measure(self._picture)
        _, loss, self._parameter.grad = self._found
        return loss

    def _is_remembered(self) -> bool:
        return self._at is not None and torch.equal(self._at, self._parameter)

    def _unclipped(self) -> Tensor:
        if self._picture is not None and self._is_remembered():
            return self._picture
        return self._origin + self._map(self._parameter * self._unit)

    def _measure(self, pixels: Tensor) -> tuple[Losses, Tensor, Tensor]:
        inside = pixels.clamp(0, 1)
        # The search's own arithmetic overflows now and then where the loss is but rounding.
        sound = bool(pixels.isfinite().all())
        losses, gradient = self._gradient(inside) if sound else ({"loss": math.nan}, inside)
        self._evaluations += 1
        total = sum(losses.values())
        if not (math.isfinite(total) and gradient.isfinite().all()):
            # A wall, from which the search turns back: NaN itself would lead it on for ever.
            nothing = dict.fromkeys(losses, math.nan)
            return nothing, torch.tensor(self._WALL), torch.zeros_like(self._parameter)
        if not self._scale:
            self._scale = self._START / max(abs(total), 1e-30)
        outside = pixels - inside
        gradient = gradient * (outside == 0) * self._scale
        # As much as the loss itself if every pixel were clipped by 1/√_PULL.
        pull = self._PULL * self._START / pixels.numel()
        gradient = gradient + 2 * pull * outside
        loss = self._scale * total + pull * float(outside.square().sum())
        # The solver flattens it with view: it must be contiguous, which the encoder's is not.
        return losses, torch.tensor(loss), (self._map(gradient) * self._unit).contiguous()


def _identity(picture: Tensor) -> Tensor:
    return picture


OPTIMISERS = ("lbfgs", "adam")


def make_optimiser(
    name: str,
    gradient: Gradient,
    image: Tensor,
    *,
    learning_rate: float,
    average: float,
    preconditioning: float = 0.0,
) -> Optimiser:
    """The optimiser of that name.

    Args:
        name: One of ``OPTIMISERS``.
        gradient: Of the objective.
        image: Where to start.
        learning_rate: Of Adam, in pixel values; L-BFGS finds its own.
        average: Decay of Adam's average of iterates.
        preconditioning: Power of L-BFGS's preconditioner, see :mod:`impasto.preconditioning`.

    Raises:
        OptionError: For another name.
    """
    if name == "adam":
        return Adam(gradient, image, learning_rate=learning_rate, average=average)
    if name == "lbfgs":
        preconditioner = Preconditioner((image.shape[-2], image.shape[-1]), preconditioning)
        pairs = history(image.shape[-2] * image.shape[-1])
        return LBFGS(gradient, image, history=pairs, preconditioner=preconditioner)
    raise unknown_name("optimizer", name, OPTIMISERS)
