"""Losses and contact sheets for TensorBoard, in addition to the table that every run keeps."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image

from impasto.errors import option
from impasto.runtime.optional import require
from impasto.training.loop import TrainStep

FOLDER = "tensorboard"
_LIBRARY, _BY = "torch.utils.tensorboard", option("tensorboard")


def check_tensorboard() -> None:
    """Raise an OptionError if TensorBoard is not installed."""
    require(_LIBRARY, by=_BY)


class TensorBoardLog:
    """Writes TensorBoard's files into the folder of a run, from the first value on.

    When a run resumes from a checkpoint, values of steps that are made again are purged.

    Raises:
        OptionError: When the first value is written, if TensorBoard is not installed; see
            :func:`check_tensorboard`.
    """

    def __init__(self, folder: Path) -> None:
        self._folder = folder / FOLDER
        self._writer: Any = None

    def add_step(self, step: TrainStep) -> None:
        """Write the losses, their sum and the learning rate of a step."""
        writer = self._open(step.step)
        for name, value in step.losses.items():
            writer.add_scalar(f"loss/{name}", value, step.step)
        writer.add_scalar("loss/sum", sum(step.losses.values()), step.step)
        writer.add_scalar("learning rate", step.learning_rate, step.step)

    def add_sheet(self, step: int, sheet: Image.Image, scores: dict[str, float]) -> None:
        """Write a contact sheet of the validation pictures, and scores by name."""
        writer = self._open(step)
        for name, value in scores.items():
            writer.add_scalar(f"validation/{name}", value, step)
        pixels = np.asarray(sheet.convert("RGB"))
        writer.add_image("validation", pixels, step, dataformats="HWC")

    def close(self) -> None:
        """Flush and close the files."""
        if self._writer is not None:
            self._writer.close()

    def _open(self, step: int) -> Any:
        if self._writer is None:
            library = require(_LIBRARY, by=_BY)
            self._writer = library.SummaryWriter(str(self._folder), purge_step=step)
        return self._writer
