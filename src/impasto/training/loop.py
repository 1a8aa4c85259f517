"""One training run: the loop, its log, its checkpoints, and exact resumption.

What is trained is a :class:`Task`. :func:`run` yields a :class:`TrainStep` after each step, so that
progress bars, validation and early stops are loops over it.
"""

from __future__ import annotations

import csv
import json
import math
import time
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol

import torch
from torch import Tensor, nn

from impasto.errors import InputDataError, option
from impasto.runtime.files import atomic_write
from impasto.runtime.text_files import open_table

CHECKPOINT = "checkpoint.pt"
LOG = "log.csv"


@dataclass(frozen=True)
class TrainStep:
    """A finished training step.

    Attributes:
        step: Number of steps done, from 1.
        of: Number of steps in all.
        losses: Loss term → value.
        learning_rate: The rate of this step.
        seconds: Since this process started to train.
    """

    step: int
    of: int
    losses: dict[str, float]
    learning_rate: float
    seconds: float


class Task(Protocol):
    """Something that is trained step by step, and can be saved and restored between two steps."""

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
    checkpoint_every: int = 500,
    writes: bool = True,
    tables: Sequence[str] = (),
) -> Iterator[TrainStep]:
    """Train ``task`` for ``steps`` steps in all, resuming from the folder's checkpoint if any.

    Leaving the loop (Ctrl-C, ``break``, ``close()``) writes a checkpoint of the last whole step.

    Args:
        task: What to train.
        folder: Of the run; holds ``checkpoint.pt`` and ``log.csv``.
        steps: Steps in all, including those before an interruption.
        settings: All else that the steps depend on: numbers, strings, lists and dicts by name. A
            checkpoint with other settings is refused.
        checkpoint_every: Steps between checkpoints.
        writes: Whether this process writes the log and the checkpoints; of several that train
            together, one does.
        tables: Names of further CSV files of the folder whose rows begin with the step. Rows of
            steps that will be made again are removed, as from the log.

    Raises:
        InputDataError: If the folder's checkpoint is broken or has other settings.
    """
    folder.mkdir(parents=True, exist_ok=True)
    settings = json.loads(json.dumps(settings or {}))  # lists for tuples, as when read
    done = _resume(task, folder / CHECKPOINT, settings)
    for table in (LOG, *tables) if writes else ():
        _truncate_table(folder / table, done)
    started = time.perf_counter()
    clean = True
    try:
        while done < steps:
            clean = False
            losses, rate = task.step(done, steps)
            done, clean = done + 1, True
            report = TrainStep(done, steps, losses, rate, time.perf_counter() - started)
            if writes:
                _append_log(folder / LOG, report)
            if writes and done % checkpoint_every == 0:
                _save(task, folder / CHECKPOINT, done, settings)
            yield report
    finally:
        # An interrupted step may have changed weights: the checkpoint before it stays.
        if writes and clean and done:
            _save(task, folder / CHECKPOINT, done, settings)


class MovingAverage:
    """An exponential moving average of a module's weights, bias-corrected.

    Args:
        module: The module. Parameters that require no gradient, and buffers of submodules in
            evaluation mode, are not averaged but exact.
        decay: Share of the old average kept at each update.
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
            [self._sums[key] for key in weights], list(weights.values()), 1 - self._decay
        )

    def weights(self) -> dict[str, Tensor]:
        """The average of all weights so far, corrected for the start at zero."""
        correction = 1 - self._decay**self._updates
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


def cosine_rate(peak: float, index: int, of: int, *, warmup: int = 100) -> float:
    """Learning rate of step ``index``: a linear warm-up, then half a cosine down to 1 % of peak.

    Loshchilov & Hutter 2017 (arXiv:1608.03983), without restarts.
    """
    if index < warmup:
        return peak * (index + 1) / warmup
    progress = (index - warmup) / max(1, of - warmup)
    return peak * (0.01 + 0.99 * 0.5 * (1 + math.cos(math.pi * min(1.0, progress))))


def _save(task: Task, path: Path, done: int, settings: Mapping[str, Any]) -> None:
    with atomic_write(path) as temporary:
        torch.save({"step": done, "settings": settings, "task": task.state_dict()}, temporary)


def _resume(task: Task, path: Path, settings: Mapping[str, Any]) -> int:
    if not path.exists():
        return 0
    try:
        saved = torch.load(path, weights_only=True, map_location="cpu")
        _check_same(path, saved["settings"], settings)
        task.load_state_dict(saved["task"])
        return int(saved["step"])
    except InputDataError:
        raise
    except Exception as error:  # torch.load raises nearly anything for a broken file
        raise InputDataError(
            f"The checkpoint {path} is broken, or was made with other options: "
            f"give the options it was made with, or another {option('run')} folder."
        ) from error


def _check_same(path: Path, saved: Mapping[str, Any], settings: Mapping[str, Any]) -> None:
    if missing := [name for name in settings if name not in saved]:
        raise InputDataError(
            f"The checkpoint {path} is of an earlier Impasto, which did not note its "
            f"{missing[0].replace('_', ' ')}: go on with that one, or give another "
            f"{option('run')} folder."
        )
    for name, value in settings.items():
        if saved[name] != value:
            what = f"{name.replace('_', ' ')} {_text(saved[name])}, not {_text(value)}"
            raise InputDataError(
                f"The checkpoint {path} was made with {what}: "
                f"give the options it was made with, or another {option('run')} folder."
            )


def _text(value: Any) -> str:
    if isinstance(value, Mapping):
        return ",".join(f"{name}={_text(entry)}" for name, entry in value.items())
    if isinstance(value, list):
        return "/".join(map(_text, value))
    if value is None:
        return "none"
    return f"{value:g}" if isinstance(value, float) else str(value)


def _append_log(path: Path, report: TrainStep) -> None:
    is_new = not path.exists()
    with open_table(path, "a") as file:
        writer = csv.writer(file)
        if is_new:
            writer.writerow(["step", "learning_rate", "seconds", *report.losses])
        values = [f"{value:.6g}" for value in report.losses.values()]
        row = [report.step, f"{report.learning_rate:.6g}", f"{report.seconds:.3f}"]
        writer.writerow([*row, *values])


def _truncate_table(path: Path, done: int) -> None:
    """Remove the rows of steps after the checkpoint, which will be made again.

    The last row may be incomplete, if the process was killed while writing it.
    """
    if not path.exists():
        return
    with open_table(path, "r") as file:
        header, *rows = list(csv.reader(file)) or [[]]
    if not header:
        path.unlink()
        return
    with atomic_write(path) as temporary, open_table(temporary, "w") as file:
        complete = (row for row in rows if len(row) == len(header))
        csv.writer(file).writerows([header, *(row for row in complete if int(row[0]) <= done)])
