"""Validation during training: contact sheets, scores, and the best model so far."""

from __future__ import annotations

import csv
from pathlib import Path

import torch
from PIL import Image

from impasto.cli.shared.messages import inform
from impasto.cli.shared.problems import Problems
from impasto.networks.files import save_network
from impasto.networks.model import OnePassModel
from impasto.runtime.files import atomic_write
from impasto.runtime.interrupts import interruptible
from impasto.runtime.text_files import open_table
from impasto.training.network import OnePassTraining
from impasto.training.run_folder import append_row
from impasto.training.settings import OnePassSettings
from impasto.training.tensorboard import TensorBoardLog
from impasto.training.validation import Score, Validation

TABLE = "validation.csv"
BEST = "best.safetensors"


class ValidationLog:
    """Saves what a network in training paints from some pictures.

    What cannot be saved is reported, and does not end the training.

    Args:
        task: The training.
        validation: The pictures.
        about: What they are, such as ``pictures not trained on``.
        folder: Of the run; an earlier part of the run is continued.
        quiet: Whether to print nothing.
        tensorboard: Receives sheets and scores, too.
        problems: Reports what fails.
        is_alone: Whether no other process trains with this one. Pictures that are being painted
            are then abandoned when the training is stopped.
    """

    def __init__(
        self,
        task: OnePassTraining,
        validation: Validation,
        about: str,
        folder: Path,
        *,
        quiet: bool = False,
        tensorboard: TensorBoardLog | None = None,
        problems: Problems | None = None,
        is_alone: bool = True,
    ) -> None:
        self._task, self._validation, self._folder = task, validation, folder
        self._about = about
        self._problems, self._is_alone = problems or Problems(), is_alone
        self._quiet, self._tensorboard = quiet, tensorboard
        self._best: float | None = None

    def validate(self, step: int) -> None:
        """Paint the pairs; save the sheet, the scores and, if it is the best so far, the model."""
        if self._best is None:  # only now has the run removed rows after its checkpoint
            self._best = best_before(self._folder, self._task.settings)
        model = self._task.model()
        with interruptible(enabled=self._is_alone):
            score, sheet = self._validation(model)
        attempt = self._problems.attempt
        attempt(self._save_sheet, step, sheet)
        scores = {"style": score.style, "content": score.content}
        row = {"step": step, **{name: f"{value:.5f}" for name, value in scores.items()}}
        attempt(append_row, self._folder / TABLE, row)
        if self._tensorboard is not None:
            attempt(self._tensorboard.add_sheet, step, sheet, scores)
        if not self._quiet:
            text = f"style {score.style:.3f}, content {score.content:.3f}"
            inform(f"step {step}: {text} on {self._about}")
        total = _total(score, self._task.settings)
        if total < self._best and attempt(self._save_best, model):
            self._best = total

    def _save_sheet(self, step: int, sheet: Image.Image) -> None:
        with atomic_write(self._folder / f"sheet-{step:06}.jpg") as temporary:
            sheet.save(temporary, quality=90)

    def _save_best(self, model: OnePassModel) -> None:
        save_network(self._folder / BEST, model, dtype=torch.float16)


def best_before(folder: Path, settings: OnePassSettings) -> float:
    """The best total score before an interruption; infinite if there is none."""
    path = folder / TABLE
    if not path.exists():
        return float("inf")
    with open_table(path, "r") as file:
        rows = [(float(row["style"]), float(row["content"])) for row in csv.DictReader(file)]
    return min((_total(Score(*row), settings) for row in rows), default=float("inf"))


def _total(score: Score, settings: OnePassSettings) -> float:
    return score.style + sum(settings.content_layers.values()) * score.content
