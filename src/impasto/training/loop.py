"""One training run: the loop, its log, its checkpoints, and exact resumption.

What is trained is a :class:`Task`. :func:`run` yields a :class:`TrainStep` after each step, so that
progress bars, validation and early stops are loops over it.
"""

from __future__ import annotations

import contextlib
import json
import math
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, Protocol

import torch
from torch import Tensor, nn

from impasto.errors import ImpastoError
from impasto.runtime.checkpoint_schedule import CheckpointSchedule
from impasto.runtime.interrupts import StepAbandoned
from impasto.training.finite_steps import FiniteSteps
from impasto.training.run_folder import CHECKPOINT as CHECKPOINT
from impasto.training.run_folder import LOG as LOG
from impasto.training.run_folder import RunFolder

CHECKPOINT_SECONDS = 60.0
"""Shortest time between two checkpoints."""


@dataclass(frozen=True)
class TrainStep:
    """A finished training step.

    Attributes:
        step: Number of steps done, from 1.
        of: Number of steps in all.
        losses: Loss term → value.
        learning_rate: The rate of this step.
        seconds: Since this process started to train.
        problems: Why the log or a checkpoint could not be written after this step.
        skipped: Steps of this process that changed nothing, since their numbers were not finite.
    """

    step: int
    of: int
    losses: dict[str, float]
    learning_rate: float
    seconds: float
    problems: tuple[ImpastoError, ...] = ()
    skipped: int = 0


class Task(Protocol):
    """Something that is trained step by step, and can be saved and restored between two steps.

    A step may be left inside a block of :func:`impasto.runtime.interrupts.interruptible`, where
    the state must be that before the step.

    It may count the steps that changed nothing, as its attribute ``finite_steps``.
    """

    def step(self, index: int, of: int) -> tuple[dict[str, float], float]:
        """Make step ``index`` (from 0) of ``of``; returns the losses and the learning rate."""
        ...

    def state_dict(self) -> dict[str, Any]:
        """All that the next step depends on: tensors, numbers, strings, lists and dicts."""
        ...

    def load_state_dict(self, state: dict[str, Any]) -> None:
        """Restore a :meth:`state_dict`."""
        ...


def run(
    task: Task,
    folder: Path,
    *,
    steps: int,
    settings: Mapping[str, Any] | None = None,
    checkpoint_seconds: float = CHECKPOINT_SECONDS,
    checkpoint_every: int | None = None,
    writes: bool = True,
    tables: Sequence[str] = (),
) -> Iterator[TrainStep]:
    """Train ``task`` for ``steps`` steps in all, resuming from the folder's checkpoint if any.

    Leaving the loop (Ctrl-C, ``break``, ``close()``) writes a checkpoint of the last whole step.

    Args:
        task: What to train.
        folder: Of the run; holds ``checkpoint.pt`` and ``log.csv``. No other run can use it
            meanwhile.
        steps: Steps in all, including those before an interruption.
        settings: All else that the steps depend on: numbers, strings, lists and dicts by name. A
            checkpoint with other settings is refused.
        checkpoint_seconds: Shortest time between checkpoints; longer if writing one takes long,
            so that it takes less than 1 % of the time.
        checkpoint_every: Steps between further checkpoints; None for none.
        writes: Whether this process writes the log and the checkpoints; of several that train
            together, one does.
        tables: Names of further CSV files of the folder whose rows begin with the step. Rows of
            steps that will be made again are removed, as from the log.

    Raises:
        ImpastoError: If the folder cannot be written, is used by another run, or its checkpoint is
            broken or has other settings; and if a checkpoint cannot be written at the end. Earlier
            such problems do not end the training, see :attr:`TrainStep.problems`.
    """
    settings = json.loads(json.dumps(settings or {}))  # lists for tuples, as when read
    place = RunFolder(folder, settings)
    with place.locked() if writes else contextlib.nullcontext():
        done = place.resume(task)
        if writes:
            place.truncate_tables([LOG, *tables], done)
        schedule, saved_at = CheckpointSchedule(checkpoint_seconds), done
        started = time.perf_counter()
        is_whole, finite_steps = True, getattr(task, "finite_steps", FiniteSteps())
        try:
            while done < steps:
                is_whole = False
                losses, rate = task.step(done, steps)
                done, is_whole = done + 1, True
                seconds, skipped = time.perf_counter() - started, finite_steps.skipped
                report = TrainStep(done, steps, losses, rate, seconds, skipped=skipped)
                if writes:
                    problems = _attempt(place.append_log, report)
                    is_due = done == steps or (checkpoint_every and done % checkpoint_every == 0)
                    size = place.checkpoint_bytes
                    if is_due or schedule.is_time(size):
                        with schedule.writing(size):
                            failed = _attempt(place.save, task, done)
                        problems, saved_at = problems + failed, saved_at if failed else done
                    report = replace(report, problems=problems)
                yield report
        except StepAbandoned:
            # Tasks can be left only where all that the next step depends on is unchanged.
            is_whole = True
        finally:
            # An interrupted step may have changed weights: the checkpoint before it stays.
            if writes and is_whole and saved_at < done < steps:
                place.save(task, done)


def _attempt(action: Callable[..., object], *arguments: object) -> tuple[ImpastoError, ...]:
    """Do what a training is not ended for; the problem, if it fails."""
    try:
        action(*arguments)
    except ImpastoError as problem:
        return (problem,)
    return ()


class MovingAverage:
    """An exponential moving average of a module's weights.

    Update t keeps min(decay, (1 + t) / (10 + t)) of the old average. So early in a training it is
    that of the last tenth of its updates, and does not lag behind.

    Args:
        module: The module. Parameters that require no gradient, and buffers of submodules in
            evaluation mode, are not averaged but exact.
        decay: Greatest share of the old average kept at an update.
    """

    def __init__(self, module: nn.Module, decay: float) -> None:
        self._module = module
        self._decay = decay
        self._updates = 0
        self._sums = {k: torch.zeros_like(v) for k, v in module.state_dict().items()}

    @torch.no_grad()
    def update(self) -> None:
        """Add the module's current weights to the average."""
        self._updates += 1
        weights = self._module.state_dict()
        # All at once: on a GPU, a call for each weight takes longer than the arithmetic.
        torch._foreach_lerp_(
            [self._sums[key] for key in weights],
            list(weights.values()),
            1 - _kept(self._decay, self._updates),
        )

    def weights(self) -> dict[str, Tensor]:
        """The average of all weights so far, corrected for the start at zero."""
        if not self._updates:
            return {key: value.detach() for key, value in self._module.state_dict().items()}
        correction = average_weight(self._decay, self._updates)
        exact = {
            key: p.detach() for key, p in self._module.named_parameters() if not p.requires_grad
        }
        for name, part in self._module.named_modules():
            if not part.training:
                buffers = part.named_buffers(name, recurse=False)
                exact |= {key: value for key, value in buffers if key in self._sums}
        return {key: value / correction for key, value in self._sums.items()} | exact

    def state_dict(self) -> dict[str, Any]:
        """The state of the average."""
        return {"updates": self._updates, "sums": self._sums}

    def load_state_dict(self, state: dict[str, Any]) -> None:
        """Restore a :meth:`state_dict`."""
        self._updates = int(state["updates"])
        self._sums = {k: state["sums"][k].to(v, copy=True) for k, v in self._sums.items()}


def average_weight(decay: float, updates: int) -> float:
    """The weight of all updates together in the sums of a :class:`MovingAverage`, below 1."""
    return 1 - math.prod(_kept(decay, update) for update in range(1, updates + 1))


def _kept(decay: float, update: int) -> float:
    return min(decay, (1 + update) / (10 + update))


def cosine_rate(peak: float, index: int, of: int, *, warmup: int = 100) -> float:
    """Learning rate of step ``index``: a linear warm-up, then half a cosine down to 1 % of peak.

    Loshchilov & Hutter 2017 (arXiv:1608.03983), without restarts.
    """
    if index < warmup:
        return peak * (index + 1) / warmup
    progress = (index - warmup) / max(1, of - warmup)
    return peak * (0.01 + 0.99 * 0.5 * (1 + math.cos(math.pi * min(1.0, progress))))
