"""Networks in training looked at now and then: sheets, figures, and the best model so far."""

from __future__ import annotations

import csv
import sys
from pathlib import Path

import torch

from impasto.networks.files import save_network
from impasto.runtime.files import atomic_write
from impasto.training.network import OnePassSettings, OnePassTraining
from impasto.training.tensorboard import TensorBoardLog
from impasto.training.validation import Score, Validation

TABLE = "validation.csv"
BEST = "best.safetensors"


class Looks:
    """Keeps what a network in training paints of pictures that it is not trained on.

    Args:
        task: The training.
        validation: The pictures.
        folder: Of the run; an earlier part of it is gone on with.
        quiet: Whether to print nothing.
        board: Is shown it too, if there is one.
    """

    def __init__(
        self,
        task: OnePassTraining,
        validation: Validation,
        folder: Path,
        *,
        quiet: bool = False,
        board: TensorBoardLog | None = None,
    ) -> None:
        self._task, self._validation, self._folder = task, validation, folder
        self._quiet, self._board = quiet, board
        self._best: float | None = None

    def look(self, step: int) -> None:
        """Paint the pairs, keep sheet, figures and, if it is the best so far, the model."""
        if self._best is None:  # not before the run has dropped what a killed one left there
            self._best = best_before(self._folder, self._task.settings)
        model = self._task.model()
        score, sheet = self._validation(model)
        with atomic_write(self._folder / f"sheet-{step:06}.jpg") as temporary:
            sheet.save(temporary, quality=90)
        table = self._folder / TABLE
        is_new = not table.exists()
        with table.open("a", newline="") as file:
            writer = csv.writer(file)
            if is_new:
                writer.writerow(["step", "style", "content"])
            writer.writerow([step, f"{score.style:.5f}", f"{score.content:.5f}"])
        if self._board is not None:
            figures = {"style": score.style, "content": score.content}
            self._board.show_sheet(step, sheet, figures)
        if not self._quiet:
            print(f"step {step}: style {score.style:.3f}, content {score.content:.3f} "
                  "on pictures not trained on", file=sys.stderr)  # fmt: skip
        total = _total(score, self._task.settings)
        if total < self._best:
            save_network(self._folder / BEST, model, dtype=torch.float16)
            self._best = total


def best_before(folder: Path, settings: OnePassSettings) -> float:
    """The best total of the looks before an interruption; infinite if there were none."""
    path = folder / TABLE
    if not path.exists():
        return float("inf")
    with path.open(newline="") as file:
        rows = [(float(row["style"]), float(row["content"])) for row in csv.DictReader(file)]
    return min((_total(Score(*row), settings) for row in rows), default=float("inf"))


def _total(score: Score, settings: OnePassSettings) -> float:
    return score.style + sum(settings.content_layers.values()) * score.content
