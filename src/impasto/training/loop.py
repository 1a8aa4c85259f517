"""One training run: the loop, its log, its checkpoints, and exact resumption.

What is trained is a :class:`Task`; how it is run is the same for all. ``run`` is a generator of
:class:`TrainStep`: progress bars, validation sheets and early stops are loops over it.
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

CHECKPOINT = "checkpoint.pt"
LOG = "log.csv"


@dataclass(frozen=True)
class TrainStep:
    """What one training step did.

    Attributes:
        step: Steps done, from 1.
        of: Steps in all.
        losses: Loss term → value.
        learning_rate: The rate this step was made with.
        seconds: Since this process began to train.
    """

    step: int
    of: int
    losses: dict[str, float]
    learning_rate: float
    seconds: float


class Task(Protocol):
    """Something that can be trained one step at a time and put to sleep between any two."""

    def step(self, index: int, of: int) -> tuple[dict[str, float], float]:
        """Make step ``index`` (from 0) of ``of``; the losses and the learning rate used."""
        ...

    def state_dict(self) -> dict[str, Any]:
        """All that the next step depends on: tensors, numbers, strings, lists and dicts."""
        ...

    def load_state_dict(self, state: dict[str, Any]) -> None:
        """Be as when ``state`` was taken."""
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
    """Train ``task`` for ``steps`` steps in all, going on from the folder's checkpoint if any.

    Leaving the loop (Ctrl-C, ``break``, ``close()``) writes a checkpoint of the last whole step.

    Args:
        task: What to train.
        folder: Of the run; holds ``checkpoint.pt`` and ``log.csv``.
        steps: Steps in all, those done before an interruption included.
        settings: What else the steps depend on, numbers, strings, lists and dicts by name: a
            checkpoint made with others is refused.
        checkpoint_every: Steps between checkpoints.
        writes: Whether this process keeps the log and the checkpoints; of several that train
            together, one does.
        tables: Names of further CSV files of the folder whose rows begin with the step: what they
            say of steps that will be made again is dropped, as it is from the log.

    Raises:
        InputDataError: If the folder's checkpoint is broken or was made otherwise.
    """
    folder.mkdir(parents=True, exist_ok=True)
    settings = json.loads(json.dumps(settings or {}))  # tuples are lists once they are read
    done = _resume(task, folder / CHECKPOINT, settings)
    for table in (LOG, *tables) if writes else ():
        _cut_table(folder / table, done)
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
        # A step cut in the middle has touched the weights: the checkpoint before it stands.
        if writes and clean and done:
            _save(task, folder / CHECKPOINT, done, settings)


class Average:
    """An exponential moving average of a module's weights, bias-corrected.

    Args:
        module: What to follow; parameters that want no gradient stay as they are, to the bit, and
            so do the buffers of parts in evaluation mode.
        decay: Share of the old average kept at each update.
    """

    def __init__(self, module: nn.Module, decay: float) -> None:
        self._module = module
        self._decay = decay
        self._updates = 0
        self._sums = {k: torch.zeros_like(v) for k, v in module.state_dict().items()}

    @torch.no_grad()
    def update(self) -> None:
        """Take the module's weights of now into the average."""
        self._updates += 1
        now = self._module.state_dict()
        # All at once: on a GPU, a call for each weight takes longer than the sum.
        torch._foreach_lerp_([self._sums[key] for key in now], list(now.values()), 1 - self._decay)

    def weights(self) -> dict[str, Tensor]:
        """The average of all weights seen, the early ones not outweighed by the zero start."""
        correction = 1 - self._decay**self._updates
        still = {
            key: p.detach() for key, p in self._module.named_parameters() if not p.requires_grad
        }
        for name, part in self._module.named_modules():
            if not part.training:
                buffers = part.named_buffers(name, recurse=False)
                still |= {key: value for key, value in buffers if key in self._sums}
        return {key: value / correction for key, value in self._sums.items()} | still

    def state_dict(self) -> dict[str, Any]:
        """For the checkpoint."""
        return {"updates": self._updates, "sums": self._sums}

    def load_state_dict(self, state: dict[str, Any]) -> None:
        """From the checkpoint."""
        self._updates = int(state["updates"])
        self._sums = {k: state["sums"][k].to(own, copy=True) for k, own in self._sums.items()}


def cosine_rate(peak: float, index: int, of: int, *, warmup: int = 100) -> float:
    """Learning rate of step ``index``: a linear warm-up, then a half cosine down to 1 % of peak.

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
    if lacking := [name for name in settings if name not in saved]:
        raise InputDataError(
            f"The checkpoint {path} is of an earlier Impasto, which did not note its "
            f"{lacking[0].replace('_', ' ')}: go on with that one, or give another {option('run')} folder."
        )
    for name, now in settings.items():
        if saved[name] != now:
            what = f"{name.replace('_', ' ')} {_told(saved[name])}, not {_told(now)}"
            raise InputDataError(
                f"The checkpoint {path} was made with {what}: "
                f"give the options it was made with, or another {option('run')} folder."
            )


def _told(value: Any) -> str:
    if isinstance(value, Mapping):
        return ",".join(f"{name}={_told(entry)}" for name, entry in value.items())
    if isinstance(value, list):
        return "/".join(map(_told, value))
    if value is None:
        return "none"
    return f"{value:g}" if isinstance(value, float) else str(value)


def _append_log(path: Path, report: TrainStep) -> None:
    new = not path.exists()
    with path.open("a", newline="") as file:
        writer = csv.writer(file)
        if new:
            writer.writerow(["step", "learning_rate", "seconds", *report.losses])
        values = [f"{value:.6g}" for value in report.losses.values()]
        row = [report.step, f"{report.learning_rate:.6g}", f"{report.seconds:.3f}"]
        writer.writerow([*row, *values])


def _cut_table(path: Path, done: int) -> None:
    """Drop the rows of steps that the checkpoint does not know, since they will be made again.

    The last row may be a part of one, if the process was killed in the middle of it.
    """
    if not path.exists():
        return
    with path.open(newline="") as file:
        header, *rows = list(csv.reader(file)) or [[]]
    if not header:
        path.unlink()
        return
    with atomic_write(path) as temporary, temporary.open("w", newline="") as file:
        whole = (row for row in rows if len(row) == len(header))
        csv.writer(file).writerows([header, *(row for row in whole if int(row[0]) <= done)])
