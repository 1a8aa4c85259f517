"""Studies: one pair of pictures painted under many recipes, to see what an entry does.

A study sweeps one entry of the recipe or two; every other thing stays as it is. The studies of the
papers are here by name.
"""

from __future__ import annotations

import contextlib
import dataclasses
import itertools
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from impasto import images
from impasto.errors import ImpastoError, OptionError, unknown_name
from impasto.jobs.events import Progress
from impasto.jobs.request_json import from_metadata
from impasto.jobs.requests import PaintRequest, StyleInput
from impasto.jobs.resources import Resources
from impasto.jobs.results import losses_of
from impasto.jobs.run import RunOptions, run
from impasto.objective.terms import sum_by_term
from impasto.recipes.presets import get_recipe
from impasto.recipes.recipe import FIELDS, Recipe

LAYERS = "style_layers", "content_layers"
"""Entries whose values are layers."""

SHORT = {"layers": "style_layers"}
"""Other names of entries."""


@dataclass(frozen=True)
class Sweep:
    """The values that one entry of a recipe goes through.

    Attributes:
        entry: Of the recipe.
        values: In the order to show them.
        names: How they are called, as many.
    """

    entry: str
    values: tuple[object, ...]
    names: tuple[str, ...]


@dataclass(frozen=True)
class Study:
    """A recipe and the sweeps over it: one gives a row, two a grid."""

    recipe: Recipe
    sweeps: tuple[Sweep, ...]
    about: str = ""

    def __post_init__(self) -> None:
        if not 1 <= len(self.sweeps) <= 2:
            raise OptionError(f"A study sweeps one entry or two, not {len(self.sweeps)}.")
        if len({sweep.entry for sweep in self.sweeps}) < len(self.sweeps):
            raise OptionError(f"Both sweeps are over {self.sweeps[0].entry}: name two entries.")
        _ = self.cells  # a value that is not allowed is told now, not after an hour

    @property
    def rows(self) -> Sweep | None:
        """What the rows show, if there are two sweeps: the first."""
        return self.sweeps[0] if len(self.sweeps) == 2 else None

    @property
    def columns(self) -> Sweep:
        """What the columns show: the last sweep."""
        return self.sweeps[-1]

    @property
    def cells(self) -> list[tuple[str, Recipe]]:
        """File name and recipe of every cell, row by row."""
        cells = []
        for number, chosen in enumerate(
            itertools.product(*(range(len(sweep.values)) for sweep in self.sweeps))
        ):
            pairs = zip(self.sweeps, chosen, strict=True)
            changes = {sweep.entry: sweep.values[index] for sweep, index in pairs}
            cells.append((f"{number:03}", self.recipe.replace(**changes)))
        return cells


def parse_sweep(text: str) -> Sweep:
    """``style-weight=1,10,100``; layers are joined by ``+``, and a leading ``+`` adds to the last.

    ``layers=relu1_1,+relu2_1,+relu3_1`` has one, two and three layers.

    Raises:
        OptionError: For a text without values, or an entry that no recipe has.
    """
    entry, equals, rest = text.partition("=")
    entry = entry.strip().replace("-", "_")
    aliases = {alias: e.name for e in FIELDS.values() for alias in e.aliases}
    entry = (SHORT | aliases).get(entry, entry)
    words = [word.strip() for word in rest.split(",") if word.strip()]
    if not equals or not words:
        raise OptionError(
            f"A sweep is ENTRY=VALUE,VALUE,…, such as style-weight=1,10; not {text!r}."
        )
    if entry not in FIELDS:
        raise unknown_name("recipe entry", entry.replace("_", "-"),
                           [name.replace("_", "-") for name in FIELDS])  # fmt: skip
    if entry in LAYERS:
        return Sweep(entry, tuple(_layer_sets(words)), tuple(words))
    kind = FIELDS[entry].kind
    try:
        values = tuple(kind(word) for word in words)
    except ValueError as error:
        raise OptionError(f"{text!r}: {entry} takes {kind.__name__}s ({error}).") from error
    return Sweep(entry, values, tuple(words))


def _layer_sets(words: Sequence[str]) -> Iterator[dict[str, float]]:
    chosen: dict[str, float] = {}
    for word in words:
        names = [name for name in word.split("+") if name]
        chosen = {**(chosen if word.startswith("+") else {}), **dict.fromkeys(names, 1.0)}
        yield {name: 1.0 / len(chosen) for name in chosen}


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
        "figure 3 of arXiv:1508.06576: style layers against alpha/beta",
    ),
    "content-layer": Study(
        Recipe(),
        (parse_sweep("content-layers=relu2_2,relu4_2"),),
        "figure 5 of the CVPR paper: what is kept of the photograph",
    ),
    "variation": Study(
        Recipe(), (parse_sweep("tv-weight=0,4,40"),), "total variation: none, the default, high"
    ),
    "start": Study(
        Recipe(scales=1, steps=60),
        (parse_sweep("init=content,noise,noisy-content,any"),),
        "where the optimizer begins, at one size",
    ),
    "optimizer": Study(
        Recipe(), (parse_sweep("optimizer=lbfgs,adam"),), "L-BFGS against Adam, equal steps"
    ),
    "statistic": Study(
        Recipe(),
        (parse_sweep("style-loss=gram,moments,gaussian-ot,mmd-linear,mmd-poly,mmd-rbf,sliced"),),
        "the family of style statistics",
    ),
    "encoder": Study(
        Recipe(), (parse_sweep("encoder=compact,vgg16,vgg19"),), "encoders (fetches VGGs once)"
    ),
}
"""Studies by name."""


def read_losses(metadata: Mapping[str, str]) -> dict[str, float]:
    """Term → weighted loss at the last step, from the metadata of a cell's picture."""
    found = re.findall(r"(\w+) ([\d.e+-]+)(?:, |$)", metadata.get("losses", ""))
    losses = {}
    for kind, value in found:
        with contextlib.suppress(ValueError):
            losses[kind] = float(value)
    return losses


class StudyRun:
    """A study being made, cell by cell; cells in the folder are not made again.

    Args:
        study: What to make.
        content: The photograph's file.
        style: The style picture's file.
        folder: Keeps every cell's picture with its recipe.

    Attributes:
        memory: Bytes that a cell may take; two thirds of what is free if None.
        max_pixels: Larger pictures are refused.
    """

    def __init__(self, study: Study, content: Path, style: Path, folder: Path) -> None:
        self.study, self.folder = study, folder
        self.content_path, self.style_path = content, style
        self.memory: float | None = None
        self.max_pixels = images.MAX_PIXELS
        self._resources = Resources(remember_features=True)

    def file(self, name: str) -> Path:
        """Where a cell's picture is kept."""
        return self.folder / f"{name}.png"

    def request(self, recipe: Recipe) -> PaintRequest:
        """What a cell with that recipe asks for."""
        style = StyleInput(str(self.style_path))
        return PaintRequest(str(self.content_path), (style,), recipe)

    def is_done(self, name: str, recipe: Recipe) -> bool:
        """Whether a cell's picture is there, made by the same request."""
        try:
            return from_metadata(images.read_metadata(self.file(name))) == self.request(recipe)
        except ImpastoError:
            return False

    def paint(self, name: str, recipe: Recipe) -> Iterator[Progress]:
        """Paint one cell; after the last step its picture is in the folder."""
        options = RunOptions(memory=self.memory, max_pixels=self.max_pixels)
        running = run(self.request(recipe), options, resources=self._resources)
        for event in running:
            if isinstance(event, Progress):
                yield event
        result = running.result
        losses = sum_by_term(losses_of(result.losses[-1]))
        losses.pop("loss")
        told = ", ".join(f"{term} {value:.4g}" for term, value in losses.items())
        dataclasses.replace(result, notes={"losses": told}).save(self.file(name))
