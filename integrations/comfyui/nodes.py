"""The nodes: Load style, Mix styles, Regions, Stylize, Paint.

They follow ComfyUI's first interface for nodes, which all its versions understand. Inputs that are
entries of a request or a recipe of Impasto have the names of those entries, as errors do.
"""

from __future__ import annotations

import os
from typing import Any, ClassVar

import folder_paths
from torch import Tensor

import impasto

from .running import run_batch
from .values import Region, Style, mixed, of_batch, pictures

CATEGORY = "Impasto"
FOLDER = "impasto"
"""Below ComfyUI's folder of models: style files, and one-pass models of one's own."""

AUTOMATIC = "automatic"
NO_STYLE = "(the picture)"
ALL_LAYERS = "all"

RECIPES = ("default", "photo", "quick", "gatys2015", "gatys2016")
"""Recipes that take any pictures; those of textures and reconstructions are for other jobs."""

COLOURS = ("style", "content", "luminance", "match")

folder_paths.add_model_folder_path(FOLDER, os.path.join(folder_paths.models_dir, FOLDER))


class LoadStyle:
    """A style: by name, from a style file, or any picture."""

    CATEGORY = CATEGORY
    DESCRIPTION = (
        "A style known by name, a style file of the folder models/impasto, or, if a picture is "
        "connected, that picture. Several pictures of a batch are mixed in equal parts. Named "
        "styles and style files are for Stylize; Paint needs a picture."
    )
    RETURN_TYPES = ("IMPASTO_STYLE",)
    RETURN_NAMES = ("style",)
    FUNCTION = "load"

    @classmethod
    def INPUT_TYPES(cls) -> dict[str, Any]:  # noqa: N802
        """The inputs."""
        names = [name for names in impasto.named_styles().values() for name in names]
        levels = [ALL_LAYERS, "coarse", "fine"]
        return {
            "required": {"style": ([NO_STYLE, *sorted(names), *_files()],)},
            "optional": {
                "image": ("IMAGE",),
                "level": (
                    levels,
                    {"tooltip": "Paint only: what it gives, large forms or brushwork."},
                ),
            },
        }

    @classmethod
    def IS_CHANGED(cls, style: str, **_: Any) -> str:  # noqa: N802
        """Tells whether a style file was replaced."""
        path = _path_of(style)
        return f"{path} {os.path.getmtime(path)}" if os.path.isfile(path) else style

    def load(
        self, style: str, image: Tensor | None = None, level: str = ALL_LAYERS
    ) -> tuple[Style]:
        """The style."""
        level = "" if level == ALL_LAYERS else level
        if image is not None:
            return (tuple(impasto.StyleInput(p, None, level) for p in pictures(image)),)
        if style == NO_STYLE:
            raise ValueError("Choose a style by its name, or connect a picture to image.")
        return ((impasto.StyleInput(_path_of(style), None, level),),)


class MixStyles:
    """Several styles, mixed by weights."""

    CATEGORY = CATEGORY
    DESCRIPTION = (
        "Styles mixed by their weights; 0 leaves one out. Mix named styles with each other, or "
        "pictures with each other."
    )
    RETURN_TYPES = ("IMPASTO_STYLE",)
    RETURN_NAMES = ("style",)
    FUNCTION = "mix"

    NUMBERS: ClassVar = (1, 2, 3, 4)

    @classmethod
    def INPUT_TYPES(cls) -> dict[str, Any]:  # noqa: N802
        """The inputs."""
        weight = ("FLOAT", {"default": 1.0, "min": 0.0, "max": 100.0, "step": 0.05})
        style = ("IMPASTO_STYLE",)
        return {
            "required": {
                "style_1": style,
                "style_2": style,
                **{f"weight_{number}": weight for number in cls.NUMBERS},
            },
            "optional": {"style_3": style, "style_4": style},
        }

    def mix(self, **given: Any) -> tuple[Style]:
        """The mixture."""
        parts = [
            (given[f"style_{number}"], given[f"weight_{number}"])
            for number in self.NUMBERS
            if given.get(f"style_{number}") is not None
        ]
        return (mixed(parts),)


class Regions:
    """A part of the picture with a style of its own, or kept as it is."""

    CATEGORY = CATEGORY
    DESCRIPTION = (
        "What is white in the mask is painted in this style, or stays as it is if no style is "
        "connected. Chain several by the input regions."
    )
    RETURN_TYPES = ("IMPASTO_REGIONS",)
    RETURN_NAMES = ("regions",)
    FUNCTION = "add"

    @classmethod
    def INPUT_TYPES(cls) -> dict[str, Any]:  # noqa: N802
        """The inputs."""
        return {
            "required": {"mask": ("MASK",)},
            "optional": {
                "style": ("IMPASTO_STYLE",),
                "style_mask": (
                    "MASK",
                    {
                        "tooltip": "The part of the style picture that counts: of this style, or "
                        "of the common one if no style is connected."
                    },
                ),
                "regions": ("IMPASTO_REGIONS",),
            },
        }

    def add(
        self,
        mask: Tensor,
        style: Style = (),
        style_mask: Tensor | None = None,
        regions: tuple[Region, ...] = (),
    ) -> tuple[tuple[Region, ...]]:
        """The regions before, and this one."""
        if len(style or ()) > 1:
            raise ValueError("A region has one style: connect Load style, not Mix styles.")
        region = Region(
            f"region {len(regions or ()) + 1}",
            of_batch(mask, 0) if mask.ndim == 2 else mask,
            style or (),
            style_mask if style_mask is None or style_mask.ndim == 3 else style_mask[None],
        )
        return ((*(regions or ()), region),)


class Stylize:
    """A picture painted in one pass, by a trained network."""

    CATEGORY = CATEGORY
    DESCRIPTION = "Paints in one pass, in a fraction of a second; also the frames of a clip."
    RETURN_TYPES = ("IMAGE",)
    FUNCTION = "stylize"

    @classmethod
    def INPUT_TYPES(cls) -> dict[str, Any]:  # noqa: N802
        """The inputs."""
        models = ["any", *impasto.named_styles()]
        return {
            "required": {
                "image": ("IMAGE",),
                "strength": _share(1.0, "0: the photograph, or nearly; 1: the style"),
                "style_scale": _scale(0.0),
                "colour": _colour(),
                "size": (
                    "INT",
                    {"default": 0, "min": 0, "max": 16384, "step": 8,
                     "tooltip": "Long side in pixels; 0: as it is."},
                ),
                "feather": _feather(),
                "model": (
                    [AUTOMATIC, *models, *_files()],
                    {"tooltip": "The network; automatic: the one that knows the style."},
                ),
            },
            "optional": {"style": ("IMPASTO_STYLE",), "regions": ("IMPASTO_REGIONS",)},
        }  # fmt: skip

    def stylize(
        self,
        image: Tensor,
        model: str = AUTOMATIC,
        style: Style | None = None,
        regions: tuple[Region, ...] | None = None,
        **entries: Any,
    ) -> tuple[Tensor]:
        """The painted pictures."""
        entries["model"] = "" if model == AUTOMATIC else _path_of(model)

        def request(index: int, picture: impasto.Picture) -> impasto.StylizeRequest:
            specs = tuple(region.spec(index) for region in regions or ())
            asked = impasto.StylizeRequest(picture, tuple(style or ()), regions=specs)
            return asked.replace(**entries)

        return (run_batch(image, request),)


class Paint:
    """A picture painted by optimization, with previews."""

    CATEGORY = CATEGORY
    DESCRIPTION = (
        "Paints by optimization: the best quality, in seconds to minutes. The picture so far is "
        "shown; cancel ends it after the current step."
    )
    RETURN_TYPES = ("IMAGE",)
    FUNCTION = "paint"

    @classmethod
    def INPUT_TYPES(cls) -> dict[str, Any]:  # noqa: N802
        """The inputs."""
        weight = {"min": 0.0, "max": 1e6, "step": 0.01}
        return {
            "required": {
                "image": ("IMAGE",),
                "size": (
                    "INT",
                    {"default": 512, "min": 32, "max": 16384, "step": 8,
                     "tooltip": "Long side in pixels, at most 4 times the picture's."},
                ),
                "strength": _share(1.0, "how far from the photograph to the style"),
                "style_scale": _scale(0.05),
                "style_weight": ("FLOAT", {"default": 1.0, **weight}),
                "content_weight": ("FLOAT", {"default": 0.1, **weight}),
                "colour": _colour(),
                "feather": _feather(),
                "recipe": (list(RECIPES),),
            },
            "optional": {"style": ("IMPASTO_STYLE",), "regions": ("IMPASTO_REGIONS",)},
        }  # fmt: skip

    def paint(
        self,
        image: Tensor,
        recipe: str = "default",
        style: Style | None = None,
        regions: tuple[Region, ...] | None = None,
        **entries: Any,
    ) -> tuple[Tensor]:
        """The painted pictures."""
        _check_pictures([*(style or ()), *(s for r in regions or () for s in r.style)])
        chosen = impasto.get_recipe(recipe)
        usual = impasto.get_recipe("default")
        # What is left as it is by default is as the recipe says: its weights are part of it.
        changes = {name: v for name, v in entries.items() if v != getattr(usual, name)}
        chosen = chosen.replace(**{"size": entries.get("size", usual.size), **changes})

        def request(index: int, picture: impasto.Picture) -> impasto.PaintRequest:
            specs = tuple(region.spec(index) for region in regions or ())
            return impasto.PaintRequest(picture, tuple(style or ()), chosen, regions=specs)

        return (run_batch(image, request),)


def _check_pictures(styles: list[impasto.StyleInput]) -> None:
    for style in styles:
        if isinstance(style.source, str):
            raise ValueError(
                f"Paint needs a picture of the style, and {os.path.basename(style.source)} has "
                "none: connect a picture to Load style, or use Stylize."
            )


def _files() -> list[str]:
    return [
        name
        for name in folder_paths.get_filename_list(FOLDER)
        if name.lower().endswith(".safetensors")
    ]


def _path_of(name: str) -> str:
    """The file of that name in the folder; the name itself if there is none."""
    return folder_paths.get_full_path(FOLDER, name) or name if name in _files() else name


def _share(default: float, tooltip: str) -> tuple[str, dict[str, Any]]:
    options = {"default": default, "min": 0.0, "max": 1.0, "step": 0.01, "tooltip": tooltip}
    return "FLOAT", options


def _scale(least: float) -> tuple[str, dict[str, Any]]:
    tooltip = "Size of the strokes."
    return "FLOAT", {"default": 1.0, "min": least, "max": 20.0, "step": 0.05, "tooltip": tooltip}


def _feather() -> tuple[str, dict[str, Any]]:
    tooltip = "Blur of the regions' edges, as a share of the long side."
    return "FLOAT", {"default": 0.0, "min": 0.0, "max": 0.5, "step": 0.005, "tooltip": tooltip}


def _colour() -> tuple[list[str], dict[str, Any]]:
    tooltip = "Whose colours; luminance paints in greys, match recolours the style first."
    return list(COLOURS), {"default": COLOURS[0], "tooltip": tooltip}


NODE_CLASS_MAPPINGS = {
    "ImpastoLoadStyle": LoadStyle,
    "ImpastoMixStyles": MixStyles,
    "ImpastoRegions": Regions,
    "ImpastoStylize": Stylize,
    "ImpastoPaint": Paint,
}

NODE_DISPLAY_NAME_MAPPINGS = {
    "ImpastoLoadStyle": "Load style (Impasto)",
    "ImpastoMixStyles": "Mix styles (Impasto)",
    "ImpastoRegions": "Regions (Impasto)",
    "ImpastoStylize": "Stylize (Impasto)",
    "ImpastoPaint": "Paint (Impasto)",
}
