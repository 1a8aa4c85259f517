"""The optimization loop, as a generator of steps.

Progress bars, previews, animations, logs, snapshots, checkpoints and early stopping are all written
as ``for step in optimize(...)``; to stop is to leave the loop.
"""

from __future__ import annotations

import time
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Protocol

from torch import Tensor

from impasto.errors import OptionError
from impasto.optim.divergence import DivergenceGuard
from impasto.optim.interface import Losses, Optimizer
from impasto.optim.optimizers import make_optimizer


class HasGradient(Protocol):
    """An objective, as far as the loop needs it."""

    def gradient(self, image: Tensor) -> tuple[Losses, Tensor]:
        """The loss of every term of a picture (1, 3, H, W), and the gradient of their sum."""
        ...


@dataclass(frozen=True)
class Step:
    """The result of one step.

    Attributes:
        step: Number of the step at this size, from 1.
        of: Total number of steps at this size.
        losses: Term → weighted loss.
        image: The current picture, (1, 3, H, W) in [0, 1]; copy it to keep it.
        seconds: Since the loop started.
        stage: Number of the size in the pyramid, from 0.
        stages: Number of sizes.
        note: A message for the user, given once (a divergence and how it was handled).
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
        """Height and width of the current picture."""
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
    """Minimize an objective over the pixels of a picture.

    Args:
        objective: Such as :class:`impasto.Objective`.
        image: Where to start, (1, 3, H, W) in [0, 1].
        steps: Number of steps.
        optimizer: ``"lbfgs"`` or ``"adam"``.
        learning_rate: Of Adam, in pixel values; L-BFGS needs none.
        average: Decay of Adam's average of iterates; 0 for none.
        preconditioning: Of L-BFGS: 0 for plain pixels, see :mod:`impasto.optim.preconditioner`.

    Raises:
        OptionError: For an unknown optimizer, a negative number of steps, or an image that is no
            tensor (1, 3, H, W) of floats.
        ImpastoError: If the loss is not finite for any step size.
    """
    if not isinstance(image, Tensor) or image.ndim != 4 or not image.is_floating_point():
        got = tuple(image.shape) if isinstance(image, Tensor) else type(image).__name__
        raise OptionError(
            f"Pixels are optimized in a tensor (1, 3, H, W) of floats from 0 to 1, not in {got}: "
            "impasto.read_image(…).tensor is one.",
            got=got,
        )
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
    """Run the steps of an optimizer, with recovery from divergence; ends early on convergence.

    Args:
        optimizer: New, or restored to its state after ``done`` steps.
        steps: Total number of steps.
        done: Steps already made in an earlier run.
        guard: The guard of the previous sizes or of the earlier run; a new one if None.
    """
    if steps < 0:
        raise OptionError(f"The number of steps cannot be {steps}: give 0 or more.")
    start_time = time.perf_counter()
    guard = guard or DivergenceGuard()
    if done and optimizer.converged:
        return  # as it did in the earlier run
    for step in range(done + 1, steps + 1):
        losses, note = guard.step(optimizer)
        seconds = time.perf_counter() - start_time
        yield Step(step, steps, losses, optimizer.image, seconds, note=note)
        if optimizer.converged:
            return
