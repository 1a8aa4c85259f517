"""Studies: one pair of pictures painted under many recipes, to see what an entry does.

A study sweeps one entry of the recipe or two; every other thing stays as it is. The studies of the
papers are here by name.
"""

from __future__ import annotations

import contextlib
import itertools
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from impasto import images
from impasto.encoders.caching import CachingEncoder
from impasto.errors import ImpastoError, OptionError, unknown_name
from impasto.images.picture import Picture
from impasto.jobs.initial_image import open_initial_image
from impasto.jobs.results import Painting, Row, describe_sources, losses_of, row
from impasto.jobs.sources import read_styles
from impasto.objective.terms import by_kind
from impasto.optim.loop import Step
from impasto.painting.painter import Painter
from impasto.recipes.presets import get_recipe
from impasto.recipes.recipe import FIELDS, Recipe
from impasto.runtime.precision import compute_dtype
from impasto.weights.open import open_encoder

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
    entry = SHORT.get(entry, entry)
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
    kind = type(getattr(Recipe(), entry))
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


def losses_told(metadata: Mapping[str, str]) -> dict[str, float]:
    """Term → its weighted loss at the last step, as a cell's file tells them; none if it is not."""
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
        self._encoders: dict[tuple[str, str, str], CachingEncoder] = {}
        self._contents: dict[int, Picture] = {}

    def file(self, name: str) -> Path:
        """Where a cell's picture is kept."""
        return self.folder / f"{name}.png"

    def is_done(self, name: str, recipe: Recipe) -> bool:
        """Whether a cell's picture is there, of the same recipe and the same sources."""
        try:
            made = images.read_metadata(self.file(name))
        except ImpastoError:
            return False
        sources = describe_sources(self.content_path, [self.style_path], None)
        same = all(made.get(key) == value for key, value in sources.items())
        return same and made.get("recipe") == recipe.to_toml()

    def paint(self, name: str, recipe: Recipe) -> Iterator[Step]:
        """Paint one cell; after the last step its picture is in the folder."""
        content = self._content(recipe.size)
        limit = self.max_pixels
        styles = read_styles([self.style_path], recipe, max(content.size), max_pixels=limit)
        painter = Painter(
            content,
            styles,
            recipe,
            encoder=self._encoder(recipe),
            memory=self.memory,
            initial_image=open_initial_image(recipe, max_pixels=limit),
        )
        losses: list[Row] = []
        for step in painter:
            losses.append(row(step))
            yield step
        sources = describe_sources(self.content_path, [self.style_path], None)
        last = by_kind(losses_of(losses[-1]))
        last.pop("loss")
        sources["losses"] = ", ".join(f"{kind} {value:.4g}" for kind, value in last.items())
        seconds = losses[-1]["seconds"]
        Painting(painter.picture, content.alpha, losses, recipe, seconds, sources).save(
            self.file(name)
        )

    def _content(self, size: int) -> Picture:
        if size not in self._contents:
            self._contents[size] = images.read(
                self.content_path, long_side=size, max_pixels=self.max_pixels
            )
        return self._contents[size]

    def _encoder(self, recipe: Recipe) -> CachingEncoder:
        key = recipe.encoder, recipe.pooling, recipe.precision
        if key not in self._encoders:
            encoder = open_encoder(recipe.encoder, recipe.pooling)
            self._encoders[key] = CachingEncoder(encoder.to(compute_dtype(recipe.precision)))
        return self._encoders[key]
