"""Recipes: every number of a painting in one frozen record.

Each entry is declared once, with default, range, choices, help and group. The command line, the
docs, validation and forms read the declaration. A recipe goes as TOML into files and, with the
request it belongs to, as JSON into the metadata of every picture.
"""

from __future__ import annotations

import dataclasses
import sys
from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from impasto.errors import OptionError, option
from impasto.losses.registry import STATISTICS, Statistic, is_statistic
from impasto.recipes.choices import (
    COLOUR_MODES,
    CONTENT_NORMALIZATIONS,
    LIGHTNESSES,
    MASK_MODES,
    METHODS,
    OPTIMIZERS,
    POOLINGS,
    PRECISIONS,
    SPACES,
    STYLE_NORMALIZATIONS,
    VARIATIONS,
)
from impasto.runtime.entries_text import entry_lines
from impasto.runtime.fields import (
    Objects,
    check_entries,
    entries,
    entry,
    plain_values,
    typed_changes,
)

if sys.version_info >= (3, 11):
    import tomllib
else:
    import tomli as tomllib

if TYPE_CHECKING:
    from impasto.encoders.protocol import EncoderLike

INITS = ("content", "noise", "noisy-content")
"""Starting pictures that the painter makes itself."""

GATYS_LAYERS = {f"relu{block}_1": 0.2 for block in range(1, 6)}
"""Style layers of Gatys et al., each with weight 1/5."""

STYLE, CONTENT, REGIONS = "style", "content", "regions"
COLOURS, OPTIMIZATION = "colours", "optimization"

GROUPS = (STYLE, CONTENT, REGIONS, COLOURS, OPTIMIZATION)
"""Headings that the entries are listed under, in order."""

_WEIGHT = (0.0, 1e12)
_LONGEST_TEXT = 1 << 18  # characters: an honest recipe has about a thousand


@dataclass(frozen=True)
class Recipe:
    """How a picture is painted. The defaults are Impasto's own recipe."""

    encoder: str | EncoderLike = entry(
        "compact2",
        "encoder of the features compared: compact2, compact, vgg19, vgg16, or the path of a file; "
        "vgg19 or compact2: vgg19 if it was downloaded before",
        group=OPTIMIZATION,
        papers="vgg19",
        objects=Objects("encoder", callable, "a function of (image, layer names)"),
    )
    pooling: str = entry(
        "own",
        "pooling of the encoder, own: as it was trained",
        group=OPTIMIZATION,
        choices=("own", *POOLINGS),
        papers="average",
    )
    size: int = entry(512, "long side of the picture in pixels", group=CONTENT, range=(32, 65536))
    scales: int = entry(
        0,
        "sizes of the pyramid, 0: as many as fit above the smallest",
        group=OPTIMIZATION,
        range=(0, 64),
        papers="1",
    )
    scale_ratio: float = entry(
        2.0,
        "ratio of each size of the pyramid to the one before",
        group=OPTIMIZATION,
        range=(1.1, 16.0),
    )
    smallest: int = entry(
        64, "least long side of the pyramid in pixels", group=OPTIMIZATION, range=(32, 65536)
    )
    steps: int = entry(
        0,
        "optimization steps at every smaller size, or at the only one; 0: 10, and at the only one "
        "as many as at the full size",
        group=OPTIMIZATION,
        range=(0, 10**6),
        papers="500",
    )
    # As many as reach 110 % of the loss of the textbook's 300 (benchmarks/optimize.py).
    final_steps: int = entry(
        50,
        "steps at the full size, if there are several sizes",
        group=OPTIMIZATION,
        range=(0, 10**6),
    )
    # Strokes of a picture of 768 px are a fair share of it, and 50 steps take seconds.
    paint_size: int = entry(
        768,
        "long side in pixels at which larger pictures are painted; they are then enlarged along "
        "the photograph's edges and touched up; 0: painted at their own size, in finer strokes",
        group=OPTIMIZATION,
        range=(0, 65536),
        papers="0",
    )
    touch_up_steps: int = entry(
        2,
        "steps at the full size of a picture that was enlarged from paint_size",
        group=OPTIMIZATION,
        range=(0, 10**6),
    )
    optimizer: str = entry(
        "lbfgs", "optimizer of the pixels", group=OPTIMIZATION, choices=OPTIMIZERS, papers="lbfgs"
    )
    preconditioning: float = entry(
        0.5,
        "how far the steps of L-BFGS follow the frequencies and colours of photographs, "
        "0 (plain pixels) to 1",
        group=OPTIMIZATION,
        range=(0.0, 1.0),
        papers="0",
    )
    learning_rate: float = entry(
        0.02, "learning rate of Adam, in pixel values", group=OPTIMIZATION, range=(1e-6, 1.0)
    )
    average: float = entry(
        0.9,
        "decay of Adam's average of iterates, which is the picture; 0: the last iterate",
        group=OPTIMIZATION,
        range=(0.0, 0.9999),
    )
    detail: float = entry(
        0.3,
        "share of the photograph's finer detail added when a larger size begins",
        group=CONTENT,
        range=(0.0, 1.0),
        papers="0",
    )
    init: str = entry(
        "content",
        "starting picture: content, noise, noisy-content, any (that one-pass model's picture), "
        "or the path of a picture",
        group=OPTIMIZATION,
        papers="noise",
    )
    noise: float = entry(
        0.5, "share of noise in noisy-content", group=OPTIMIZATION, range=(0.0, 1.0)
    )
    style_loss: str | Statistic = entry(
        "gram",
        "statistic of the features that style compares",
        group=STYLE,
        choices=STATISTICS,
        papers="gram",
        objects=Objects("statistic", is_statistic, "an impasto.Statistic"),
    )
    style_layers: Mapping[str, float] = entry(
        GATYS_LAYERS, "layers that style compares, with weights", group=STYLE
    )
    content_layers: Mapping[str, float] = entry(
        {"relu4_2": 1.0}, "layers that content compares, with weights", group=CONTENT
    )
    style_weight: float = entry(1.0, "weight of the style loss", group=STYLE, range=_WEIGHT)
    # Of the weights tried on portraits and signs, those that keep most of eyes, mouths and letters
    # without costing style (docs/painting.md, benchmarks/structure.py).
    content_weight: float = entry(0.1, "weight of the content loss", group=CONTENT, range=_WEIGHT)
    laplacian_weight: float = entry(
        0.0,
        "weight of the photograph's lines (its Laplacian), for faces and letters",
        group=CONTENT,
        range=_WEIGHT,
    )
    structure_weight: float = entry(
        0.3,
        "weight of the photograph's forms (where light and dark are: eyes, mouths, letters), times "
        "content_weight",
        group=CONTENT,
        range=_WEIGHT,
        papers="0",
    )
    pattern_weight: float = entry(
        4.0,
        "weight against grids and dots of a few pixels where the photograph is even",
        group=OPTIMIZATION,
        range=_WEIGHT,
        papers="0",
    )
    tv_weight: float = entry(
        4.0, "weight of the total variation", group=OPTIMIZATION, range=_WEIGHT, papers="0"
    )
    tv: str = entry(
        "chroma-squared", "kind of the total variation", group=OPTIMIZATION, choices=VARIATIONS
    )
    normalization: str = entry(
        "relative",
        "units of the style loss",
        group=STYLE,
        choices=STYLE_NORMALIZATIONS,
        aliases=("normalisation",),
        papers="gatys",
    )
    content_normalization: str = entry(
        "relative",
        "units of the content loss",
        group=CONTENT,
        choices=CONTENT_NORMALIZATIONS,
        aliases=("content_normalisation",),
        papers="gatys",
    )
    style_scale: float = entry(
        1.0,
        "size of the strokes: the style picture's long side over the picture's",
        group=STYLE,
        range=(0.05, 20.0),
    )
    strength: float = entry(
        1.0, "how far from the photograph to the style, 0 to 1", group=STYLE, range=(0.0, 1.0)
    )
    colour: str = entry(
        "style",
        "whose colours: style, content, luminance (painted in greys) or match (the style picture "
        "is recoloured first)",
        group=COLOURS,
        choices=COLOUR_MODES,
        aliases=("color",),
    )
    colour_space: str = entry(
        "oklab",
        "colour space that separates lightness from colour",
        group=COLOURS,
        choices=SPACES,
        aliases=("color_space",),
        papers="yiq",
    )
    colour_match: str = entry(
        "monge-kantorovich",
        "method that match recolours with",
        group=COLOURS,
        choices=METHODS,
        aliases=("color_match",),
        papers="cholesky",
    )
    match_lightness: str = entry(
        "content",
        "lightness that match gives to the style picture, content: the photograph's range; "
        "style: its own; linear: as colour_match gives it",
        group=COLOURS,
        choices=LIGHTNESSES,
        papers="linear",
    )
    gamut: str = entry(
        "style",
        "colours that the picture may have, style: no more colourful than the styles; srgb: all",
        group=COLOURS,
        choices=("style", "srgb"),
        papers="srgb",
    )
    mask_mode: str = entry(
        "simple", "how masks are carried to the layers", group=REGIONS, choices=MASK_MODES
    )
    feather: float = entry(
        0.0,
        "blur of the masks' edges, as a share of the long side",
        group=REGIONS,
        range=(0.0, 0.5),
    )
    precision: str = entry(
        "auto",
        "number type inside the encoder, auto: the faster",
        group=OPTIMIZATION,
        choices=PRECISIONS,
    )
    seed: int = entry(0, "seed of everything random", group=OPTIMIZATION, range=(0, 2**63 - 1))

    def __post_init__(self) -> None:
        check_entries(self)
        if not (self.style_weight or self.content_weight or self.tv_weight):
            raise OptionError(
                f"All weights are zero: give {option('style_weight')}, "
                f"{option('content_weight')} or {option('tv_weight')}."
            )

    def replace(self, /, **changes: Any) -> Recipe:
        """The recipe with some values changed.

        Raises:
            OptionError: For a name that no recipe has, or a value that is not allowed.
        """
        return dataclasses.replace(self, **typed_changes(Recipe, changes, "recipe entry"))

    @property
    def layers(self) -> tuple[str, ...]:
        """The encoder's layers that are compared: those of style, then those of content."""
        style = tuple(self.style_layers) if self.style_weight else ()
        return style + (tuple(self.content_layers) if self.content_weight else ())

    def to_dict(self) -> dict[str, Any]:
        """Every entry, as plain values for JSON and TOML."""
        return plain_values(self)

    def to_toml(self) -> str:
        """The whole recipe as TOML."""
        import tomli_w  # only here: the options of the command line are read without packages

        return tomli_w.dumps(self.to_dict())


if Recipe.__doc__:  # which python -OO leaves out
    Recipe.__doc__ += f"\n\n    Attributes:\n{entry_lines(Recipe)}"

FIELDS = entries(Recipe)
"""Name → declaration of every entry, in order."""


def from_toml(text: str) -> Recipe:
    """A recipe from TOML; what the text leaves out is the default's.

    Raises:
        OptionError: For text that is not TOML, unknown entries or values that are not allowed.
    """
    if len(text) > _LONGEST_TEXT:
        raise OptionError(f"not a recipe: it has more than {_LONGEST_TEXT} characters.")
    try:
        return Recipe().replace(**tomllib.loads(text))
    except (tomllib.TOMLDecodeError, RecursionError) as error:
        raise OptionError(f"not valid TOML: {error}.") from error
