"""What studies sweep over: entries of a recipe with several values; and the known studies.

A study sweeps one or two entries of a recipe and keeps the others. Known studies, among them a
figure of each of Gatys et al.'s papers, are in ``STUDIES``.
"""

from __future__ import annotations

import itertools
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

from impasto.errors import OptionError, unknown_name
from impasto.recipes.presets import PAPERS_RATIO, get_recipe
from impasto.recipes.recipe import FIELDS, Recipe


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


def _ratios(*powers: int) -> Sweep:
    """Content weights in relative units that stand for the papers' ratios α/β, powers of ten."""
    weights = [PAPERS_RATIO * 10.0**power for power in powers]
    names = [f"{weight:g} (α/β = 1e{power})" for weight, power in zip(weights, powers, strict=True)]
    return Sweep("content_weight", tuple(weights), tuple(names))


STUDIES: Mapping[str, Study] = {
    "gatys2015": Study(
        # A little total variation, since white noise leaves dust in a hundred steps.
        get_recipe("gatys2015").replace(encoder="compact", steps=150, size=320, tv_weight=1.0),
        (_depths(1, 2, 3, 4, 5), _ratios(-5, -4, -3, -2)),
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
