"""Studies: one pair of pictures painted with many recipes, to show the effect of an entry.

A study sweeps one or two entries of a recipe and keeps the others. Known studies, among them a
figure of each of Gatys et al.'s papers, are in ``STUDIES``.
"""

from __future__ import annotations

import contextlib
import dataclasses
import itertools
import re
from collections.abc import Generator, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from impasto import images
from impasto.errors import ImpastoError, OptionError, option, unknown_name
from impasto.jobs.checkpoints import checkpoint_path
from impasto.jobs.events import Progress
from impasto.jobs.existing import Existing, find_existing, is_own_file
from impasto.jobs.requests import PaintRequest, StyleInput
from impasto.jobs.resources import Resources
from impasto.jobs.results import losses_of
from impasto.jobs.run import RunOptions, run
from impasto.objective.terms import sum_by_term
from impasto.recipes.presets import get_recipe
from impasto.recipes.recipe import FIELDS, Recipe
from impasto.runtime.devices import DeviceLike
from impasto.runtime.files import absolute
from impasto.runtime.interrupts import StepAbandoned


@dataclass(frozen=True)
class Sweep:
    """Values of one recipe entry.

    Attributes:
        entry: Name of the entry.
        values: The values, in display order.
        names: A label for each value.
    """

    entry: str
    values: tuple[object, ...]
    names: tuple[str, ...]


@dataclass(frozen=True)
class Study:
    """A recipe and the sweeps over it: one sweep is a row of pictures, two are a grid.

    Attributes:
        recipe: The recipe that all cells share.
        sweeps: One or two; with two, the first is the rows.
        about: One line for the help.
    """

    recipe: Recipe
    sweeps: tuple[Sweep, ...]
    about: str = ""

    def __post_init__(self) -> None:
        if not 1 <= len(self.sweeps) <= 2:
            raise OptionError(f"A study sweeps one entry or two, not {len(self.sweeps)}.")
        if len({sweep.entry for sweep in self.sweeps}) < len(self.sweeps):
            raise OptionError(f"Both sweeps are over {self.sweeps[0].entry}: name two entries.")
        _ = self.cells  # raises now, not after an hour, for a value that is not allowed

    @property
    def rows(self) -> Sweep | None:
        """The first of two sweeps; None if there is one."""
        return self.sweeps[0] if len(self.sweeps) == 2 else None

    @property
    def columns(self) -> Sweep:
        """The last sweep."""
        return self.sweeps[-1]

    @property
    def cells(self) -> list[tuple[str, Recipe]]:
        """Name and recipe of every cell, row by row."""
        entries = [sweep.entry for sweep in self.sweeps]
        combinations = itertools.product(*(sweep.values for sweep in self.sweeps))
        return [
            (f"{number:03}", self.recipe.replace(**dict(zip(entries, values, strict=True))))
            for number, values in enumerate(combinations)
        ]


def parse_sweep(text: str) -> Sweep:
    """Parse a sweep such as ``style-weight=1,10,100``.

    Layers are joined by ``+``, and a leading ``+`` extends the value before:
    ``layers=relu1_1,+relu2_1,+relu3_1`` has one, two and three layers.

    Raises:
        OptionError: For a text without values, an unknown entry or a value of another type.
    """
    entry, equals, rest = text.partition("=")
    entry = entry.strip().replace("-", "_")
    aliases = {alias: e.name for e in FIELDS.values() for alias in e.aliases}
    entry = {"layers": "style_layers", **aliases}.get(entry, entry)
    words = [word.strip() for word in rest.split(",") if word.strip()]
    if not equals or not words:
        raise OptionError(
            f"A sweep is ENTRY=VALUE,VALUE,…, such as style-weight=1,10; not {text!r}."
        )
    if entry not in FIELDS:
        raise unknown_name("recipe entry", entry.replace("_", "-"),
                           [name.replace("_", "-") for name in FIELDS])  # fmt: skip
    kind = FIELDS[entry].kind
    if kind is dict:
        return Sweep(entry, tuple(_layer_sets(words)), tuple(words))
    try:
        values = tuple(kind(word) for word in words)
    except ValueError as error:
        raise OptionError(f"{text!r}: {entry} takes {kind.__name__}s ({error}).") from error
    return Sweep(entry, values, tuple(words))


def _layer_sets(words: Sequence[str]) -> Iterator[dict[str, float]]:
    """The layers of each value, with equal weights."""
    layers: list[str] = []
    for word in words:
        added = [name for name in word.split("+") if name]
        layers = list(dict.fromkeys([*(layers if word.startswith("+") else []), *added]))
        yield dict.fromkeys(layers, 1.0 / max(1, len(layers)))


def _depths(*blocks: int) -> Sweep:
    """Style layers from relu1_1 down to each of some blocks."""
    words = [f"relu{blocks[0]}_1", *(f"+relu{block}_1" for block in blocks[1:])]
    sweep = parse_sweep(f"style-layers={','.join(words)}")
    names = (words[0], *(f"… {word.removeprefix('+')}" for word in words[1:]))
    return Sweep(sweep.entry, sweep.values, names)


STUDIES: Mapping[str, Study] = {
    "gatys2015": Study(
        # A little total variation, since white noise leaves dust in a hundred steps.
        get_recipe("gatys2015").replace(encoder="compact", steps=150, size=320, tv_weight=1.0),
        # α/β = 1e-5 … 1e-2, see the presets.
        (_depths(1, 2, 3, 4, 5), parse_sweep("content-weight=0.01,0.1,1,10")),
        "style layers against content weight, figure 3 of arXiv:1508.06576",
    ),
    "content-layer": Study(
        Recipe(),
        (parse_sweep("content-layers=relu2_2,relu4_2"),),
        "a shallow and a deep content layer, figure 5 of the CVPR paper",
    ),
    "variation": Study(
        Recipe(), (parse_sweep("tv-weight=0,4,40"),), "total variation: none, the default, high"
    ),
    "start": Study(
        Recipe(scales=1, steps=60),
        (parse_sweep("init=content,noise,noisy-content,any"),),
        "starting pictures, at one size",
    ),
    "optimizer": Study(
        Recipe(), (parse_sweep("optimizer=lbfgs,adam"),), "L-BFGS against Adam, equal steps"
    ),
    "statistic": Study(
        Recipe(),
        (parse_sweep("style-loss=gram,moments,gaussian-ot,mmd-linear,mmd-poly,mmd-rbf,sliced"),),
        "all style statistics",
    ),
    "encoder": Study(
        Recipe(), (parse_sweep("encoder=compact,vgg16,vgg19"),), "encoders; downloads the VGGs once"
    ),
}
"""Studies by name."""


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

    Attributes:
        device: Where to paint, see :func:`impasto.runtime.devices.find_device`.
        memory: Bytes that a cell may take; None: two thirds of the free memory.
        max_pixels: Larger input pictures are refused.
        finished: Names of the cells whose pictures are known to be whole and of this study.
    """

    def __init__(self, study: Study, content: Path, style: Path, folder: Path) -> None:
        self.study, self.folder = study, absolute(folder)  # the working folder may be removed
        self.content_path, self.style_path = content, style
        self.device: DeviceLike = "auto"
        self.memory: float | None = None
        self.max_pixels = images.MAX_PIXELS
        self.finished: set[str] = set()
        self._resources = Resources(remember_features=True)

    def file(self, name: str) -> Path:
        """The picture of a cell."""
        return self.folder / f"{name}.png"

    def request(self, recipe: Recipe) -> PaintRequest:
        """The request of a cell with that recipe."""
        return PaintRequest(str(self.content_path), (StyleInput(str(self.style_path)),), recipe)

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
        losses = sum_by_term(losses_of(result.losses[-1]))
        losses.pop("loss")
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
