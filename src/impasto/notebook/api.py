"""``impasto.widget``: a picture with sliders, in a notebook."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from impasto import images
from impasto.errors import OptionError
from impasto.jobs.display import PREVIEW_SECONDS
from impasto.jobs.inputs import AnyPicture, as_source, as_style_inputs
from impasto.jobs.requests import Source, name_of_source
from impasto.jobs.run import RunOptions
from impasto.networks.catalogue import named_styles
from impasto.recipes.presets import get_recipe
from impasto.recipes.recipe import Recipe
from impasto.runtime.devices import DeviceLike
from impasto.runtime.memory import parse_bytes
from impasto.runtime.optional import require

if TYPE_CHECKING:
    from impasto.notebook.style_widget import StyleWidget


def widget(
    content: AnyPicture,
    styles: Any = (),
    *,
    recipe: str | Path | Recipe = "default",
    device: DeviceLike = "auto",
    memory: float | str | None = None,
    max_pixels: int = images.MAX_PIXELS,
    **changes: Any,
) -> StyleWidget:
    """A picture with sliders, for notebooks: as the last line of a cell it shows itself.

    Moving a slider makes the picture in one pass. *Paint* makes it by optimization, with previews;
    *Stop* ends that after the current step. Needs the extra ``[notebook]``.

    Args:
        content: A picture, as for :func:`impasto.paint`.
        styles: A picture, several, or a dict of names with their pictures, to choose from; the
            styles that are known by name are there as well, for one pass only.
        recipe: How *Paint* paints: a preset's name, the path of a TOML file, or a :class:`Recipe`.
        device: Where to paint, as for :func:`impasto.paint`.
        memory: Bytes that may be taken of the device's memory, or a text such as ``"2GB"``.
        max_pixels: Refuse larger pictures.
        **changes: Recipe entries to change, e.g. ``size=1024``; strength and size of the strokes
            are those of the sliders.

    Returns:
        The widget. ``.result`` is the last picture, ``.result.save("out.png")`` writes it;
        ``.strength``, ``.style_scale`` and ``.style`` are the sliders, and may be set;
        ``.stylize()``, ``.paint()``, ``.stop()`` and ``.wait()`` are the buttons.

    Raises:
        ImpastoError: For pictures or options that cannot be used, or without the extra.
    """
    require("anywidget", by="The widget")
    from impasto.notebook.style_widget import StyleWidget

    base = recipe if isinstance(recipe, Recipe) else get_recipe(recipe)
    limit = parse_bytes(memory) if isinstance(memory, str) else memory
    options = RunOptions(
        device=device, memory=limit, max_pixels=max_pixels, preview_seconds=PREVIEW_SECONDS
    )
    source = as_source(content, "content")
    picture = images.read(source, max_pixels=max_pixels)  # once, not for each move
    return StyleWidget(picture, _sources(styles), base.replace(**changes), options)


def _sources(styles: Any) -> dict[str, Source]:
    """Name → picture of every given style, and of the styles known by name their name."""
    if isinstance(styles, Mapping):
        given = {str(name): as_source(style, "style") for name, style in styles.items()}
    else:
        inputs = [style.source for style in as_style_inputs(styles)] if styles is not None else []
        given = {}
        for source in inputs:
            given.setdefault(_label(source, len(given) + 1), source)
    names = {name: name for names in named_styles().values() for name in sorted(names)}
    found: dict[str, Source] = {**given, **{n: n for n in names if n not in given}}
    if not found:
        raise OptionError("There is no style to choose: give a picture.")
    return found


def _label(source: Source, number: int) -> str:
    if isinstance(source, str):
        return Path(source).stem or source
    path = getattr(source, "path", None)
    return Path(name_of_source(path)).stem if path else f"picture {number}"
