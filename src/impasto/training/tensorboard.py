"""Losses and contact sheets for TensorBoard, besides the table that every run keeps."""

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


def check_board() -> None:
    """Raise an OptionError if TensorBoard is not installed."""
    require(_LIBRARY, by=_BY)


class TensorBoardLog:
    """What a run writes into its folder for TensorBoard; nothing until there is something to write.

    Of a run that goes on from a checkpoint, what was shown of the steps that are made again is
    dropped.

    Args:
        folder: Of the run.

    Raises:
        OptionError: At the first thing to write, if TensorBoard is not installed; see
            :func:`check_board`.
    """

    def __init__(self, folder: Path) -> None:
        self._folder = folder / FOLDER
        self._writer: Any = None

    def show(self, step: TrainStep) -> None:
        """The losses, their sum and the learning rate of a step."""
        writer = self._open(step.step)
        for name, value in step.losses.items():
            writer.add_scalar(f"loss/{name}", value, step.step)
        writer.add_scalar("loss/sum", sum(step.losses.values()), step.step)
        writer.add_scalar("learning rate", step.learning_rate, step.step)

    def show_sheet(self, step: int, sheet: Image.Image, figures: dict[str, float]) -> None:
        """Pictures that were not trained on, and their figures by name."""
        writer = self._open(step)
        for name, value in figures.items():
            writer.add_scalar(f"not trained on/{name}", value, step)
        pixels = np.asarray(sheet.convert("RGB"))
        writer.add_image("not trained on", pixels, step, dataformats="HWC")

    def close(self) -> None:
        """Write what is not written yet."""
        if self._writer is not None:
            self._writer.close()

    def _open(self, step: int) -> Any:
        if self._writer is None:
            library = require(_LIBRARY, by=_BY)
            self._writer = library.SummaryWriter(str(self._folder), purge_step=step)
        return self._writer
