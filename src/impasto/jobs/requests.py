"""Requests: what is to be made, as frozen values.

A request names pictures and numbers, never how or where the work is done: memory and outputs are
in :class:`impasto.jobs.run.RunOptions`. ``impasto.paint()`` and the command line build requests,
a picture's metadata holds its request, and ``impasto rerun`` reads it back
(:mod:`impasto.jobs.request_json`).
"""

from __future__ import annotations

import contextlib
import dataclasses
import math
import os
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, ClassVar, TypeAlias

from impasto.errors import OptionError, option, unknown_name
from impasto.recipes.choices import COARSE, COLOUR_MODES, FINE, METHODS, PRECISIONS, SPACES
from impasto.recipes.presets import get_recipe
from impasto.recipes.recipe import COLOURS, INITS, REGIONS, STYLE, Recipe
from impasto.regions.specs import REGION_COLOURS, RegionSpec, parse_region
from impasto.runtime.fields import check_entries, entry, is_number, typed_changes
from impasto.runtime.in_memory import name_of
from impasto.weights.records import is_file_name

if TYPE_CHECKING:
    from PIL import Image

    from impasto.images.picture import Picture

Source: TypeAlias = "str | Image.Image | Picture"
"""A picture's path, a style's name, or a picture in memory."""

RECONSTRUCTIONS = ("content", "style", "figure")

SMALLEST_STROKES, LARGEST_STROKES = 0.05, 20.0
"""Of ``style_scale`` in one pass, as in recipes."""


@dataclass(frozen=True)
class StyleInput:
    """A style and its part in a mixture; as text ``[coarse=|fine=]PATH[:WEIGHT]``.

    Attributes:
        source: Path of a picture or style file, name of a one-pass model's style, or a picture.
        weight: Weight in the mixture, above 0; None counts as 1.
        level: ``"coarse"`` or ``"fine"`` for the deep or the shallow layers alone, or empty.
    """

    source: Source
    weight: float | None = None
    level: str = ""

    def __post_init__(self) -> None:
        if self.weight is not None and not (is_number(self.weight) and 0 < self.weight < math.inf):
            raise OptionError(f"The weight of a style must be above 0, not {self.weight}.")
        if self.level not in ("", COARSE, FINE):
            raise unknown_name("level of a style", self.level, (COARSE, FINE))

    @property
    def name(self) -> str:
        """The source as text."""
        return name_of_source(self.source)

    def __str__(self) -> str:
        weight = "" if self.weight is None else f":{self.weight}"
        return f"{self.level}={self.name}{weight}" if self.level else f"{self.name}{weight}"


@dataclass(frozen=True)
class PaintRequest:
    """Paint a picture in the style of others, by optimization.

    Attributes:
        content: The picture to paint.
        styles: The style pictures; at least one, unless a region has a style of its own.
        recipe: How.
        mask: Label picture of the content, one colour a region; with ``style_mask``.
        style_mask: Label picture of the style picture, with the same colours.
        regions: Regions with masks and styles of their own.
    """

    kind: ClassVar[str] = "paint"

    content: Source
    styles: tuple[StyleInput, ...]
    recipe: Recipe = dataclasses.field(default_factory=Recipe)
    mask: Source | None = None
    style_mask: Source | None = None
    regions: tuple[RegionSpec, ...] = ()

    def __post_init__(self) -> None:
        if not (self.styles or _have_styles(self.regions)):
            raise OptionError("Name a picture to paint like: a painting needs at least one style.")
        _check_colours(self.regions, self.recipe.colour)

    @property
    def files(self) -> list[str]:
        """Every file that the request reads."""
        names = [name_of_source(self.content), *(style.name for style in self.styles)]
        start = [] if self.recipe.init in INITS else [self.recipe.init]
        masks = _mask_files(self.mask, self.style_mask, self.regions)
        return names + start + masks + model_files(self.recipe.encoder)

    def resized(self, long_side: int) -> PaintRequest:
        """The same picture at another size."""
        return dataclasses.replace(self, recipe=self.recipe.replace(size=long_side))


@dataclass(frozen=True)
class TextureRequest:
    """Make a texture of a style, from noise.

    Attributes:
        styles: The pictures whose texture it is; at least one.
        size: Height and width in pixels.
        recipe: How; entries about content are not used.
        tileable: Whether opposite borders fit each other.
    """

    kind: ClassVar[str] = "texture"

    styles: tuple[StyleInput, ...]
    size: tuple[int, int]
    recipe: Recipe = dataclasses.field(default_factory=lambda: get_recipe("texture"))
    tileable: bool = False

    def __post_init__(self) -> None:
        if not self.styles:
            raise OptionError("Name a picture to take the texture of.")
        if min(self.size) < 1:
            raise OptionError(f"A texture has sides above 0, not {self.size[1]}x{self.size[0]}.")

    @property
    def files(self) -> list[str]:
        """Every file that the request reads."""
        return [*(style.name for style in self.styles), *model_files(self.recipe.encoder)]

    def resized(self, long_side: int) -> TextureRequest:
        """The same texture at another size, in the same proportions."""
        from impasto.images.picture import fit_size

        size = fit_size(self.size, long_side, max_enlarge=float("inf"))
        return dataclasses.replace(self, size=size, recipe=self.recipe.replace(size=long_side))


@dataclass(frozen=True)
class ReconstructRequest:
    """Make a picture again from what layers of an encoder know of it.

    Attributes:
        content: The picture.
        source: ``"content"``: the features of the recipe's content layers; ``"style"``: the
            statistics of its style layers; ``"figure"``: both at every depth, on one sheet.
        recipe: How.
    """

    kind: ClassVar[str] = "reconstruct"

    content: Source
    source: str = "content"
    recipe: Recipe = dataclasses.field(default_factory=lambda: get_recipe("reconstruction"))

    def __post_init__(self) -> None:
        if self.source not in RECONSTRUCTIONS:
            raise unknown_name("kind of reconstruction", self.source, RECONSTRUCTIONS)

    @property
    def files(self) -> list[str]:
        """Every file that the request reads."""
        return [name_of_source(self.content), *model_files(self.recipe.encoder)]

    def resized(self, long_side: int) -> ReconstructRequest:
        """The same picture at another size."""
        return dataclasses.replace(self, recipe=self.recipe.replace(size=long_side))


@dataclass(frozen=True)
class StylizeRequest:
    """Paint a picture in one pass, by a trained network.

    Attributes:
        content: The picture to paint.
        styles: Pictures, style files or names of the model's styles; at least one, unless a region
            has a style of its own.
        model: Name or file of a one-pass model; empty: chosen by the styles.
        size: Long side in pixels; 0: the picture's own.
        strength: 0 (the photograph) to 1.
        style_scale: Size of the strokes: 1 is a fair share of the picture, 2 twice that; 0 is the
            network's own size in pixels, whatever the picture's.
        colour: Whose colours.
        colour_space: Colour space that separates lightness from colour.
        colour_match: Method that the colour mode ``match`` recolours with.
        feather: Blur of the masks' edges, as a share of the long side.
        precision: Number type of the network.
        mask: Label picture of the content, one colour a region; with ``style_mask``.
        style_mask: Label picture of the style picture, with the same colours.
        regions: Regions with masks and styles of their own.
    """

    kind: ClassVar[str] = "stylize"

    content: Source
    styles: tuple[StyleInput, ...]
    model: str = entry("", "any, multi or your own; empty: as the styles need")
    size: int = entry(0, "long side in pixels; 0: as it is", range=(0, 65536))
    strength: float = entry(1.0, "0 (the photograph) to 1", group=STYLE, range=(0.0, 1.0))
    style_scale: float = entry(
        1.0,
        "size of the strokes, relative to the picture; 0: the same in pixels for every picture",
        group=STYLE,
        range=(0.0, LARGEST_STROKES),
    )
    colour: str = entry(
        Recipe.colour, "whose colours", group=COLOURS, choices=COLOUR_MODES, aliases=("color",)
    )
    colour_space: str = entry(
        Recipe.colour_space,
        "colour space that separates lightness from colour",
        group=COLOURS,
        choices=SPACES,
        aliases=("color_space",),
    )
    colour_match: str = entry(
        Recipe.colour_match,
        "method that match recolours with",
        group=COLOURS,
        choices=METHODS,
        aliases=("color_match",),
    )
    feather: float = entry(
        0.0, "blur of the regions' edges, share of the long side", group=REGIONS, range=(0.0, 0.5)
    )
    precision: str = entry("auto", "number type of the network", choices=PRECISIONS)
    mask: Source | None = None
    style_mask: Source | None = None
    regions: tuple[RegionSpec, ...] = ()

    def __post_init__(self) -> None:
        if not (self.styles or _have_styles(self.regions)):
            raise OptionError("Name a style: a picture, or one of the model's own.")
        check_entries(self)
        _check_colours(self.regions, self.colour)
        if 0 < self.style_scale < SMALLEST_STROKES:
            raise OptionError(
                f"{option('style_scale')} must be 0 or from {SMALLEST_STROKES:g} to "
                f"{LARGEST_STROKES:g}, not {self.style_scale:g}.",
                got=self.style_scale,
                allowed=(SMALLEST_STROKES, LARGEST_STROKES),
            )

    def replace(self, /, **changes: Any) -> StylizeRequest:
        """The request with some numbers and names changed; aliases are accepted.

        Raises:
            OptionError: For an unknown entry, or a value that is not allowed.
        """
        return dataclasses.replace(self, **typed_changes(StylizeRequest, changes, "option"))

    @property
    def files(self) -> list[str]:
        """Every file that the request reads, or would if it exists: styles may be names."""
        names = [name_of_source(self.content), *(style.name for style in self.styles)]
        masks = _mask_files(self.mask, self.style_mask, self.regions)
        return names + masks + model_files(self.model)

    def resized(self, long_side: int) -> StylizeRequest:
        """The same picture at another size."""
        return self.replace(size=long_side)


Request: TypeAlias = PaintRequest | TextureRequest | ReconstructRequest | StylizeRequest

REQUESTS: dict[str, type[Request]] = {
    request.kind: request
    for request in (PaintRequest, TextureRequest, ReconstructRequest, StylizeRequest)
}
"""Kind → the class of its requests."""


def name_of_source(source: object) -> str:
    """What a source is called in metadata and messages."""
    return name_of(source)


def as_region_specs(regions: Iterable[str | RegionSpec]) -> tuple[RegionSpec, ...]:
    """Regions, those given as text parsed (:func:`impasto.regions.specs.parse_region`)."""
    return tuple(parse_region(region) if isinstance(region, str) else region for region in regions)


def parse_styles(
    texts: Sequence[str], *, is_file: Callable[[str], bool] = os.path.isfile
) -> tuple[StyleInput, ...]:
    """Style pictures with optional weights and levels: ``starry.jpg:0.7 fine=wave.jpg:0.3``.

    Text that is the name of a file is that file.

    Args:
        texts: The styles.
        is_file: Tells whether there is a file of that name.

    Raises:
        OptionError: For a weight that is not above zero, or weights for only some.
    """
    styles = [_parse_style(text, is_file) for text in texts]
    if len({style.weight is None for style in styles}) > 1:
        raise OptionError("Give every style a weight or none: a.jpg:0.7 b.jpg:0.3")
    return tuple(styles)


def split_styles(text: str) -> list[str]:
    """The styles of ``wave:0.6,starry:0.4``; a comma in the name of a file does not part it."""
    parts, styles = text.split(","), []
    while parts:
        counts = range(len(parts), 1, -1)
        count = next((n for n in counts if _names_file(",".join(parts[:n]))), 1)
        styles.append(",".join(parts[:count]))
        del parts[:count]
    return [style for style in styles if style]


def _parse_style(text: str, is_file: Callable[[str], bool] = os.path.isfile) -> StyleInput:
    if is_file(text):
        return StyleInput(text)
    level, rest = "", text
    for name in (COARSE, FINE):
        if text.startswith(f"{name}=") and not is_file(_without_weight(text)[0]):
            level, rest = name, text.removeprefix(f"{name}=")
    path, weight = (rest, None) if is_file(rest) else _without_weight(rest)
    if weight is not None and not 0 < weight < math.inf:
        raise OptionError(
            f"The weight of style {path} must be above 0, not {rest.rpartition(':')[2]}."
        )
    return StyleInput(path, weight, level)


def _without_weight(text: str) -> tuple[str, float | None]:
    path, colon, weight = text.rpartition(":")
    try:
        return (path, float(weight)) if colon else (text, None)
    except ValueError:  # a colon in the path itself
        return text, None


def _names_file(text: str) -> bool:
    """Whether it is a style of :func:`parse_styles` that is a file."""
    with contextlib.suppress(OptionError):
        return os.path.isfile(_parse_style(text).name)
    return False


def region_text(region: RegionSpec) -> str:
    """A region as :func:`impasto.regions.specs.parse_region` reads it."""
    style = "" if region.style is None else f"@{name_of(region.style)}"
    style_mask = "" if region.style_mask is None else f":{name_of(region.style_mask)}"
    colour = f",colour={region.colour}" if region.colour else ""
    return f"{region.name}={name_of(region.content_mask)}{style}{style_mask}{colour}"


def _check_colours(regions: Iterable[RegionSpec], colour: str) -> None:
    """Refuse the style's colours in a region of a picture that is not painted in them."""
    for region in regions:
        if region.colour == "style" and colour not in REGION_COLOURS:
            raise OptionError(
                f"The region {region.name} cannot have the style's colours with "
                f"{option('colour')} {colour}: give {option('colour')} style or content."
            )


def _have_styles(regions: Iterable[RegionSpec]) -> bool:
    return any(region.style is not None for region in regions)


def model_files(name: object) -> list[str]:
    """The encoder or model itself, if it is named by its file."""
    return [name] if isinstance(name, str) and is_file_name(name) else []


def _mask_files(
    mask: Source | None, style_mask: Source | None, regions: Iterable[RegionSpec]
) -> list[str]:
    files: list[object] = [mask, style_mask]
    for region in regions:
        files += [region.content_mask, region.style, region.style_mask]
    return [name_of(file) for file in files if file is not None]
