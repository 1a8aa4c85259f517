"""The figure of reconstructions at every depth: one painting after the other, on one sheet."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

from torch import Tensor

from impasto import images
from impasto.encoders.vgg import Encoder
from impasto.errors import OptionError
from impasto.images.contact_sheet import CaptionedImage, contact_sheet
from impasto.images.picture import Picture
from impasto.jobs.checkpoints import read_state, write_state
from impasto.jobs.requests import ReconstructRequest, name_of_source
from impasto.jobs.results import Row
from impasto.painting.painter import Painter
from impasto.painting.reconstruction import figure_panels
from impasto.painting.snapshots import FrameStore

if TYPE_CHECKING:
    from impasto.jobs.run import Run


class Figure:
    """The panels of the figure, those that are finished and the one that is being painted.

    Args:
        run: Whose request this is.
        picture: To reconstruct.

    Attributes:
        panels: All of them.
        number: Of the current panel, from 0; the number of panels if all are finished.
        painter: Of the current panel.
        seconds: Time taken so far.

    Raises:
        OptionError: If the encoder is not VGG-shaped.
    """

    def __init__(self, run: Run, picture: Picture) -> None:
        request = run.request
        assert isinstance(request, ReconstructRequest)
        encoder = run.resources.encoder(request.recipe, run.device)
        if not isinstance(encoder, Encoder):
            raise OptionError(
                "The figure needs a VGG-shaped encoder: give compact, vgg19 or vgg16."
            )
        self._run, self._picture, self._encoder = run, picture, encoder
        self._request = request
        self._finished = FrameStore()
        self.panels = figure_panels(len(encoder.architecture.depths))
        self.number, self.seconds = 0, 0.0
        self.painter = self._new_painter()

    @property
    def label(self) -> str:
        """What the current panel shows, and its number from 1."""
        panel = self.panels[self.number]
        return f"{self.number + 1}/{len(self.panels)} {panel.row} {panel.caption}"

    @property
    def is_finished(self) -> bool:
        """Whether all panels are finished."""
        return self.number == len(self.panels)

    @property
    def has_begun(self) -> bool:
        """Whether a step was made."""
        return self.number > 0 or self.painter.position != (0, 0)

    def next_panel(self) -> None:
        """Keep the current panel, which is finished, and go on to the next."""
        self._finished.add(self.number, images.to_pil(self.painter.picture))
        self.number += 1
        if not self.is_finished:
            self.painter = self._new_painter()

    def sheet(self) -> Tensor:
        """The panels so far, below the original; (1, 3, H, W) in [0, 1]."""
        name = name_of_source(self._request.content).replace("\\", "/").rpartition("/")[2]
        original = CaptionedImage(images.to_pil(self._picture.tensor), name)
        rows = {"content": [original], "style": [original]}
        pictures = [self._finished[number] for number in self._finished.steps]
        if not self.is_finished and self.painter.position != (0, 0):
            pictures.append(images.to_pil(self.painter.picture))
        for panel, picture in zip(self.panels, pictures, strict=False):
            rows[panel.row].append(CaptionedImage(picture, f"{panel.row} {panel.caption}"))
        sheet = contact_sheet(list(rows.values()), height=self._picture.size[0])
        return images.from_pil(sheet).tensor

    def save(self, path: Path) -> None:
        """Write a checkpoint.

        Raises:
            ImpastoError: If it cannot be written.
        """
        state = {
            "panel": self.number,
            "seconds": self.seconds,
            "panels": self._finished.state_dict(),
            "painter": self.painter.state_dict(),
        }
        write_state(path, state)

    def load(self, path: Path) -> list[Row]:
        """Go on from a checkpoint.

        Raises:
            InputDataError: If it is missing, broken, or of another figure.
        """
        return read_state(path, self._restore)

    def _restore(self, state: Any) -> list[Row]:
        self.number, self.seconds = int(state["panel"]), float(state["seconds"])
        self._finished.load_state_dict(state["panels"])
        self.painter = self._new_painter()
        self.painter.load_state_dict(state["painter"])
        return []

    def _new_painter(self) -> Painter:
        return self.panels[self.number].painter(
            self._picture,
            self._request.recipe,
            encoder=self._encoder,
            memory=self._run.options.memory,
            device=self._run.device,
        )
