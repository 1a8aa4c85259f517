"""Studies: one pair of pictures painted with many recipes, to show the effect of an entry.

What is swept, and the known studies, are in :mod:`impasto.studies.sweeps`.
"""

from __future__ import annotations

import contextlib
import dataclasses
import re
from collections.abc import Generator, Mapping
from pathlib import Path
from typing import Any

from impasto import images
from impasto.errors import ImpastoError, OptionError, option
from impasto.jobs.checkpoints import checkpoint_path
from impasto.jobs.events import Progress
from impasto.jobs.existing import Existing, find_existing, is_own_file
from impasto.jobs.requests import PaintRequest, StyleInput
from impasto.jobs.resources import Resources
from impasto.jobs.results import losses_of
from impasto.jobs.run import RunOptions, run
from impasto.objective.terms import sum_by_term
from impasto.recipes.recipe import Recipe
from impasto.regions.specs import RegionSpec
from impasto.runtime.devices import DeviceLike
from impasto.runtime.files import absolute
from impasto.runtime.interrupts import StepAbandoned
from impasto.studies.sweeps import STUDIES as STUDIES
from impasto.studies.sweeps import Study as Study
from impasto.studies.sweeps import Sweep as Sweep
from impasto.studies.sweeps import parse_sweep as parse_sweep


def read_losses(metadata: Mapping[str, str]) -> dict[str, float]:
    """Term → weighted loss at the last step, from the metadata of a cell's picture."""
    losses = {}
    for term, value in re.findall(r"(\w+) ([\d.e+-]+)(?:, |$)", metadata.get("losses", "")):
        with contextlib.suppress(ValueError):
            losses[term] = float(value)
    return losses


class StudyRun:
    """A study painted cell by cell; cells whose pictures are in the folder are not painted again.

    Args:
        study: The study.
        content: File of the photograph.
        style: File of the style picture.
        folder: Keeps the picture of every cell, with its request.
        mask: Label picture of the photograph, see :class:`impasto.jobs.requests.PaintRequest`.
        style_mask: Label picture of the style picture.
        regions: Regions with masks and styles of their own.

    Attributes:
        device: Where to paint, see :func:`impasto.runtime.devices.find_device`.
        memory: Bytes that a cell may take; None: two thirds of the free memory.
        max_pixels: Larger input pictures are refused.
        finished: Names of the cells whose pictures are known to be whole and of this study.
    """

    def __init__(
        self,
        study: Study,
        content: Path,
        style: Path,
        folder: Path,
        *,
        mask: str | None = None,
        style_mask: str | None = None,
        regions: tuple[RegionSpec, ...] = (),
    ) -> None:
        self.study, self.folder = study, absolute(folder)  # the working folder may be removed
        self.content_path, self.style_path = content, style
        self._masks: dict[str, Any] = {"mask": mask, "style_mask": style_mask, "regions": regions}
        self.device: DeviceLike = "auto"
        self.memory: float | None = None
        self.max_pixels = images.MAX_PIXELS
        self.finished: set[str] = set()
        self._resources = Resources(remember_features=True)

    def __getstate__(self) -> dict[str, Any]:
        """For another process, which opens encoders and pictures itself."""
        return {**vars(self), "_resources": None}

    def __setstate__(self, state: dict[str, Any]) -> None:
        vars(self).update(state, _resources=Resources(remember_features=True))

    def file(self, name: str) -> Path:
        """The picture of a cell."""
        return self.folder / f"{name}.png"

    def request(self, recipe: Recipe) -> PaintRequest:
        """The request of a cell with that recipe."""
        styles = (StyleInput(str(self.style_path)),)
        return PaintRequest(str(self.content_path), styles, recipe, **self._masks)

    def find_finished(self, *, overwrite: bool = False) -> None:
        """Find the cells that earlier runs have finished.

        A picture counts if it decodes, and was made by the same request from the same files.

        Raises:
            OptionError: If another picture is where a cell is to be saved.
        """
        self.finished.clear()
        for name, recipe in self.study.cells:
            file = self.file(name)
            if find_existing(file, self.request(recipe)) is Existing.SAME:
                self.finished.add(name)
            elif not overwrite and _is_foreign(file):
                raise OptionError(
                    f"{file} exists already and is no cell of a study: name another folder with "
                    f"{option('cells')}."
                )

    def paint(self, name: str, recipe: Recipe) -> Generator[Progress]:
        """Paint one cell; its picture is saved after the last step.

        Leaving the loop keeps a checkpoint, from which the next call goes on.

        Raises:
            StepAbandoned: If a stop signal ended it within a step, with the same checkpoint.
        """
        options = RunOptions(
            device=self.device,
            memory=self.memory,
            max_pixels=self.max_pixels,
            checkpoint=checkpoint_path(self.file(name)),
            resume=True,
            discard_other_checkpoints=True,
        )
        running = run(self.request(recipe), options, resources=self._resources)
        try:
            with running:
                for event in running:
                    if isinstance(event, Progress):
                        yield event
        except GeneratorExit:
            with contextlib.suppress(ImpastoError):  # nothing but time is lost
                running.save_checkpoint()
            raise
        result = running.result
        if not result.is_finished:
            raise StepAbandoned
        last = result.losses[-1] if result.losses else {}  # a painting of no steps has none
        losses = sum_by_term(losses_of(last))
        losses.pop("loss", None)
        text = ", ".join(f"{term} {value:.4g}" for term, value in losses.items())
        dataclasses.replace(result, notes={"losses": text}).save(self.file(name))
        running.remove_checkpoint()
        self.finished.add(name)


def _is_foreign(file: Path) -> bool:
    """Whether a file is a picture that Impasto did not make; one cut short may be replaced."""
    try:
        images.read(file)
    except ImpastoError:
        return False
    return not is_own_file(file)
