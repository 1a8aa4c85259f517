"""Recipes: every number of a painting in one frozen record, with the reason for each.

A recipe is the one source of defaults: the command line reads its options from it, it goes as TOML
into files and into the metadata of every picture, and with the two pictures it makes the same
picture again.
"""

from __future__ import annotations

import dataclasses
import sys
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, get_type_hints

import tomli_w

from impasto.colour.matching import METHODS
from impasto.colour.modes import COLOUR_MODES
from impasto.colour.spaces import SPACES
from impasto.encoders.vgg import POOLINGS
from impasto.errors import OptionError, option, unknown_name
from impasto.losses.content import CONTENT_NORMALIZATIONS
from impasto.losses.statistics import STATISTICS, STYLE_NORMALIZATIONS
from impasto.losses.total_variation import VARIATIONS
from impasto.optim.optimizers import OPTIMIZERS
from impasto.regions.masks import MODES
from impasto.runtime.precision import PRECISIONS

if sys.version_info >= (3, 11):
    import tomllib
else:
    import tomli as tomllib

INITS = ("content", "noise", "noisy-content")

GATYS_LAYERS = {f"relu{block}_1": 0.2 for block in range(1, 6)}


@dataclass(frozen=True)
class Recipe:
    """How a picture is painted. The defaults are Impasto's own recipe.

    Attributes:
        encoder: ``compact``, ``vgg19``, ``vgg16``, or the path of an encoder file.
        pooling: Of the encoder; ``own``: as it was trained.
        size: Long side of the picture in pixels.
        scales: Sizes of the pyramid; 0: as many √2 steps as fit above ``smallest``.
        smallest: Least long side of the pyramid in pixels.
        steps: Optimization steps at every smaller size, or at the only one; 0: 10 at a smaller
            size, ``final_steps`` at an only one.
        final_steps: Steps at the full size of several.
        optimizer: How the pixels are moved.
        preconditioning: Of L-BFGS: how far its steps follow the frequencies and colours of
            photographs, 0 (plain pixels, as in the papers) to 1.
        learning_rate: Of Adam, in pixel values.
        average: Decay of Adam's average of iterates, which is the picture; 0: the last iterate.
        detail: Share of the photograph's finer detail put into the picture when a size is entered.
        init: ``content``, ``noise``, ``noisy-content``, ``any`` (that one-pass model's picture),
            or the path of a picture.
        noise: Share of noise in ``noisy-content``, 0 to 1.
        style_loss: What a style is: the statistic compared.
        style_layers: Where style is compared, with weights.
        content_layers: Where content is compared, with weights.
        style_weight: Weight of the style term.
        content_weight: Weight of the content term.
        laplacian_weight: Weight of the photograph's lines (its Laplacian), for faces and letters.
        tv_weight: Weight of the total variation.
        tv: Kind of the total variation.
        normalization: Units of the style term.
        content_normalization: Units of the content term.
        style_scale: Size of the strokes: the style picture's long side over the picture's.
        strength: How far from the photograph to the style, 0 to 1.
        colour: Whose colours: ``style``, ``content``, ``luminance`` (painted in greys) or ``match``
            (the style picture is recoloured first).
        colour_space: Where lightness is told from colour.
        colour_match: How ``match`` recolours.
        mask_mode: How masks are carried to the layers.
        feather: Blur of the masks' edges, as a share of the long side.
        precision: Number type inside the encoder; ``auto``: the faster.
        seed: Of everything random.
    """

    encoder: str = "compact"
    pooling: str = "own"
    size: int = 512
    scales: int = 0
    smallest: int = 64
    steps: int = 0
    # As many as reach 110 % of the loss of the textbook's 300 (benchmarks/optimize.py).
    final_steps: int = 54
    optimizer: str = "lbfgs"
    preconditioning: float = 0.5
    learning_rate: float = 0.02
    average: float = 0.9
    detail: float = 0.3
    init: str = "content"
    noise: float = 0.5
    style_loss: str = "gram"
    style_layers: Mapping[str, float] = field(default_factory=lambda: dict(GATYS_LAYERS))
    content_layers: Mapping[str, float] = field(default_factory=lambda: {"relu4_2": 1.0})
    style_weight: float = 1.0
    content_weight: float = 0.05
    laplacian_weight: float = 0.0
    tv_weight: float = 4.0
    tv: str = "squared"
    normalization: str = "relative"
    content_normalization: str = "relative"
    style_scale: float = 1.0
    strength: float = 1.0
    colour: str = "style"
    colour_space: str = "oklab"
    colour_match: str = "monge-kantorovich"
    mask_mode: str = "simple"
    feather: float = 0.0
    precision: str = "auto"
    seed: int = 0

    def __post_init__(self) -> None:
        _check_choices(self)
        _check_ranges(self)

    def replace(self, /, **changes: Any) -> Recipe:
        """The recipe with some values changed.

        Raises:
            OptionError: For a name that no recipe has, or a value that is not allowed.
        """
        for name in changes:
            if name not in FIELDS:
                raise unknown_name("recipe entry", name, FIELDS)
        return dataclasses.replace(self, **{k: _typed(k, v) for k, v in changes.items()})

    @property
    def layers(self) -> tuple[str, ...]:
        """The encoder's layers that are looked at: those of style, then those of content."""
        style = tuple(self.style_layers) if self.style_weight else ()
        return style + (tuple(self.content_layers) if self.content_weight else ())

    def to_toml(self) -> str:
        """The whole recipe as TOML."""
        return tomli_w.dumps(
            {k: dict(v) if isinstance(v, Mapping) else v for k, v in vars(self).items()}
        )


FIELDS: Mapping[str, dataclasses.Field[Any]] = {f.name: f for f in dataclasses.fields(Recipe)}

_CHOICES: Mapping[str, tuple[str, ...]] = {
    "pooling": ("own", *POOLINGS),
    "optimizer": OPTIMIZERS,
    "style_loss": tuple(STATISTICS),
    "tv": tuple(VARIATIONS),
    "colour": tuple(COLOUR_MODES),
    "colour_space": tuple(SPACES),
    "colour_match": tuple(METHODS),
    "mask_mode": tuple(MODES),
    "normalization": STYLE_NORMALIZATIONS,
    "content_normalization": tuple(CONTENT_NORMALIZATIONS),
    "precision": PRECISIONS,
}
"""Entries with a closed list of values."""

_RANGES: Mapping[str, tuple[float, float]] = {
    "size": (32, 65536),
    "scales": (0, 64),
    "smallest": (32, 65536),
    "steps": (0, 10**6),
    "final_steps": (0, 10**6),
    "learning_rate": (1e-6, 1.0),
    "average": (0.0, 0.9999),
    "noise": (0.0, 1.0),
    "style_weight": (0.0, 1e12),
    "preconditioning": (0.0, 1.0),
    "strength": (0.0, 1.0),
    "feather": (0.0, 0.5),
    "detail": (0.0, 1.0),
    "content_weight": (0.0, 1e12),
    "laplacian_weight": (0.0, 1e12),
    "tv_weight": (0.0, 1e12),
    "style_scale": (0.05, 20.0),
    "seed": (0, 2**63 - 1),
}
"""Entries with a least and a greatest value."""


def choices(name: str) -> tuple[str, ...] | None:
    """The values that an entry may have, or None if they are not a list."""
    return _CHOICES.get(name)


def from_toml(text: str) -> Recipe:
    """A recipe from TOML; what the text leaves out is the default's.

    Raises:
        OptionError: For text that is not TOML, unknown entries or values that are not allowed.
    """
    try:
        return Recipe().replace(**tomllib.loads(text))
    except tomllib.TOMLDecodeError as error:
        raise OptionError(f"not valid TOML: {error}.") from error


def _typed(name: str, value: Any) -> Any:
    """The value in the entry's own type, since TOML and callers may give 1 for 1.0."""
    kind = _TYPES[name]
    if kind is str and isinstance(value, (str, Path)):
        return str(value)
    if kind is float and _is_number(value):
        return float(value)
    if kind is int and _is_number(value) and value == value // 1:
        return int(value)
    if kind in (str, float, int):
        raise OptionError(f"{option(name)} takes {_words(kind)}, not {value!r}.")
    if not isinstance(value, Mapping) or not value or not all(map(_is_number, value.values())):
        raise OptionError(f"{option(name)} takes layers with weights, not {value!r}.")
    return {str(layer): float(weight) for layer, weight in value.items()}


def _is_number(value: Any) -> bool:
    """Whether it is a number, and one that a float can hold (TOML's whole numbers are endless)."""
    if isinstance(value, bool) or not isinstance(value, (int, float)):
        return False
    return isinstance(value, float) or abs(value) <= sys.float_info.max


def _check_choices(recipe: Recipe) -> None:
    for name, allowed in _CHOICES.items():
        if getattr(recipe, name) not in allowed:
            raise unknown_name(f"value of {option(name)}", str(getattr(recipe, name)), allowed)


def _check_ranges(recipe: Recipe) -> None:
    for name, (least, greatest) in _RANGES.items():
        value = getattr(recipe, name)
        # Written so that NaN is refused too.
        if not least <= value <= greatest:
            raise OptionError(
                f"{option(name)} must be from {least:g} to {greatest:g}, not {value}."
            )
    for name in ("style_layers", "content_layers"):
        for layer, weight in getattr(recipe, name).items():
            if not 0 <= weight < float("inf"):
                raise OptionError(
                    f"{option(name)}: the weight of {layer} must be 0 or more, not {weight}."
                )
    if not (recipe.style_weight or recipe.content_weight or recipe.tv_weight):
        raise OptionError(
            f"All weights are zero: give {option('style_weight')}, {option('content_weight')} or {option('tv_weight')}."
        )


def _words(kind: type) -> str:
    return {int: "a whole number", float: "a number", str: "a word"}[kind]


_TYPES = get_type_hints(Recipe)
