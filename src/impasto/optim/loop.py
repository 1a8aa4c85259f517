"""The loop: a picture moved downhill, as a generator of steps.

Progress bars, live previews, animations, logs, snapshots, checkpoints and early stops are all
``for step in optimize(...)``; stopping is leaving the loop.
"""

from __future__ import annotations

import math
import time
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any, Protocol

from torch import Tensor

from impasto.errors import ImpastoError, OptionError, option
from impasto.optim.lbfgs import Losses, is_finite
from impasto.optim.optimizers import Optimizer, make_optimizer


class HasGradient(Protocol):
    """What is needed of an objective: the value of every term and the gradient of their sum."""

    def gradient(self, image: Tensor) -> tuple[Losses, Tensor]:
        """Of a picture (1, 3, H, W)."""
        ...


@dataclass(frozen=True)
class Step:
    """What one step found.

    Attributes:
        step: Steps made at this size, from 1.
        of: Steps to make at this size.
        losses: Term → weighted loss.
        image: The picture so far, (1, 3, H, W) in [0, 1]; copy it to keep it.
        seconds: Since the loop began.
        stage: Which size of the pyramid, from 0.
        stages: How many sizes.
        note: What a person should know, said once (a divergence and what was done about it).
    """

    step: int
    of: int
    losses: Losses
    image: Tensor = field(repr=False)
    seconds: float
    stage: int = 0
    stages: int = 1
    note: str = ""

    @property
    def loss(self) -> float:
        """The sum of all terms."""
        return sum(self.losses.values())

    @property
    def size(self) -> tuple[int, int]:
        """Height and width of the picture now."""
        return self.image.shape[-2], self.image.shape[-1]


def optimize(
    objective: HasGradient,
    image: Tensor,
    *,
    steps: int,
    optimizer: str = "lbfgs",
    learning_rate: float = 0.02,
    average: float = 0.0,
    preconditioning: float = 0.5,
) -> Iterator[Step]:
    """Move a picture downhill.

    Args:
        objective: Such as :class:`impasto.Objective`.
        image: Where to start, (1, 3, H, W) in [0, 1].
        steps: How many.
        optimizer: ``"lbfgs"`` or ``"adam"``.
        learning_rate: Of Adam, in pixel values; L-BFGS finds its own.
        average: Decay of Adam's average of iterates; 0 for none.
        preconditioning: Of L-BFGS: 0 for plain pixels, see :mod:`impasto.optim.preconditioner`.

    Raises:
        OptionError: For an unknown optimizer or a negative number of steps.
        ImpastoError: If the loss is not finite whatever the step.
    """
    chosen = make_optimizer(
        optimizer,
        objective.gradient,
        image,
        learning_rate=learning_rate,
        average=average,
        preconditioning=preconditioning,
    )
    yield from descend(chosen, steps=steps)


def descend(
    optimizer: Optimizer, *, steps: int, done: int = 0, guard: DivergenceGuard | None = None
) -> Iterator[Step]:
    """Let an optimizer make its steps, and bring it back when it runs away.

    It ends early when the optimizer can do no more.

    Args:
        optimizer: Fresh, or as it was after ``done`` steps.
        steps: In all.
        done: Already made, in an earlier run.
        guard: What brings it back: of the sizes before, or of the earlier run; a new one if None.
    """
    if steps < 0:
        raise OptionError(f"The number of steps cannot be {steps}: give 0 or more.")
    started = time.perf_counter()
    guard = guard or DivergenceGuard()
    for step in range(done + 1, steps + 1):
        losses, note = guard.step(optimizer)
        yield Step(step, steps, losses, optimizer.image, time.perf_counter() - started, note=note)
        if optimizer.converged:
            return


class DivergenceGuard:
    """Restores the last good state after a step that ran away, with a smaller step, a few times.

    One guard goes with a painting through all its sizes: what it has said it does not say again,
    and a step once reduced stays so.
    """

    # Adam's loss may well rise at first from a flat start; a thousandfold is no such rise. Where
    # the fit is all but perfect it is only rounding, so below a thousandth of the first all pass.
    _RUNAWAY = 1e3
    _RETRIES = 8

    def __init__(self) -> None:
        self._first = self._best = math.inf
        self._good: Tensor | None = None
        self._halvings = 0
        self._told = False

    def step(self, optimizer: Optimizer) -> tuple[Losses, str]:
        """One good step: its losses, and what a person should know.

        Raises:
            ImpastoError: If the loss is not finite whatever the step.
        """
        note = ""
        for attempt in range(self._RETRIES):
            start = optimizer.pixels.clone()
            losses = optimizer.step()
            total = sum(losses.values())
            if self._is_good(total, optimizer.pixels):
                self._first = total if self._good is None else self._first
                self._best = min(self._best, total)
                self._good = start
                return losses, note
            # Adam learns of a bad picture only in the step that starts there: if starting again
            # does not help, the start before it was good.
            optimizer.restart(start if attempt == 0 or self._good is None else self._good)
            self._halvings += 1
            if not self._told:
                note = f"The loss became {total:.3g}; went back and halved the step."
                self._told = True
        raise ImpastoError(
            "The loss is not finite however small the step: check the pictures and the weights "
            f"for extreme values, or use {option('precision')} float32."
        )

    def enter(self, optimizer: Optimizer) -> None:
        """Go on with the fresh optimizer of another size, whose losses are not those of before."""
        self._first = self._best = math.inf
        self._good = None
        for _ in range(self._halvings):
            optimizer.restart(optimizer.pixels)

    def state_dict(self) -> dict[str, Any]:
        """All that it judges the next step by."""
        return {
            "first": self._first,
            "best": self._best,
            "good": self._good,
            "halvings": self._halvings,
            "told": self._told,
        }

    def load_state_dict(self, state: dict[str, Any]) -> None:
        """Be as when ``state`` was taken."""
        self._first, self._best = float(state["first"]), float(state["best"])
        self._good = state["good"]
        self._halvings, self._told = int(state["halvings"]), bool(state["told"])

    def _is_good(self, total: float, pixels: Tensor) -> bool:
        finite = math.isfinite(total) and is_finite(pixels)
        limit = max(self._RUNAWAY * self._best, self._first / self._RUNAWAY, 1e-30)
        return finite and total <= limit
