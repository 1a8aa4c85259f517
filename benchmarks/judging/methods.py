"""Every method by name: photographs as they are, optimization, one pass, other programs, files."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import dataclass
from functools import cache
from pathlib import Path

from torch import Tensor

import impasto
from impasto import images
from impasto.colour.matching import match_colours
from impasto.errors import ImageError, OptionError, option
from impasto.jobs.initial_image import open_initial_image
from impasto.networks.catalogue import networks, open_network
from impasto.networks.model import OnePassModel
from impasto.onepass.stylist import Stylist
from impasto.painting.objective_builder import as_styles
from impasto.painting.painter import Painter
from impasto.recipes.presets import RECIPES, get_recipe
from impasto.recipes.recipe import Recipe
from impasto.runtime.memory import keep_freed_memory
from impasto.training.run_folder import CHECKPOINT
from impasto.training.validation import Pair
from impasto.weights.records import WEIGHTS
from impasto.weights.store import locate
from judging.checkpoints import open_checkpoint
from judging.digests import file_digest
from judging.exported import is_exported, open_exported
from judging.pairs import title
from judging.peers import PEERS, open_peer

Paint = Callable[[Pair], Tensor]


@dataclass(frozen=True)
class Method:
    """A way to paint a pair.

    Attributes:
        name: In tables.
        identity: All that its pictures depend on besides the pair: digests of weights, the recipe.
            Impasto's own code is not part of it.
        paint: Pair → picture (1, 3, H, W) in [0, 1] of the photograph's size. Opens what it needs
            when it is first called.
        styles: Styles that it knows by name, if these are all that it paints.
    """

    name: str
    identity: str
    paint: Paint
    styles: tuple[str, ...] = ()


def open_method(name: str, peers: dict[str, Path]) -> Method:
    """A method by its name.

    Args:
        name: ``photograph`` (as it is), ``recoloured`` (with mean and covariance of the style's
            colours), ``paint`` or another recipe's name or TOML file, a one-pass model's name or
            file, the painter's file of an exported model (``any-onnx/painter.int8.onnx``), the
            folder of a training (its checkpoint), ``microast`` or ``magenta``, or a
            folder of pictures painted elsewhere and named ``CONTENT__STYLE.png``.
        peers: Name → folder of each other program.

    Raises:
        OptionError: For a name that is none of these.
    """
    if name in _CLOSED_FORMS:
        return Method(name, name, _CLOSED_FORMS[name])
    if name == "paint" or name in RECIPES or name.endswith(".toml"):
        return _by_optimization(name)
    if name in PEERS:
        return Method(name, *open_peer(name, peers.get(name)))
    if name in networks() or name.endswith(".safetensors"):
        file = networks().get(name, Path(name))
        return _in_one_pass(Path(name).stem, file_digest([file]), open_network(name))
    if is_exported(Path(name)):
        return Method(*open_exported(Path(name)))
    folder = Path(name)
    if (folder / CHECKPOINT).is_file():
        checkpoint = folder / CHECKPOINT
        return _in_one_pass(folder.name, file_digest([checkpoint]), open_checkpoint(checkpoint))
    if folder.is_dir():
        return _painted_elsewhere(folder)
    known = [*_CLOSED_FORMS, "paint", *RECIPES, *networks(), *PEERS]
    raise OptionError(
        f"{name!r} is no method: choose of {', '.join(known)}, or name a recipe's or a model's "
        "file, the folder of a training, or a folder of pictures."
    )


def _recoloured(pair: Pair) -> Tensor:
    return match_colours(pair.content.tensor, pair.style.tensor, "monge-kantorovich")


_CLOSED_FORMS: dict[str, Paint] = {
    "photograph": lambda pair: pair.content.tensor,
    "recoloured": _recoloured,
}


def _by_optimization(name: str) -> Method:
    recipe = get_recipe("default" if name == "paint" else name)
    weights = [locate(part) for part in (recipe.encoder, recipe.init) if part in WEIGHTS]
    identity = [json.dumps(recipe.to_dict(), sort_keys=True), impasto.__version__]
    identity.append(file_digest(path for path in weights if path is not None))
    return Method(Path(name).stem, "\n".join(identity), lambda pair: paint_recipe(pair, recipe))


def paint_recipe(pair: Pair, recipe: Recipe) -> Tensor:
    """What a recipe makes of a pair, at the photograph's size."""
    keep_freed_memory(0.0)  # as the commands do
    size = max(pair.content.tensor.shape[-2:])
    recipe = recipe.replace(size=size)
    start = open_initial_image(recipe)
    painter = Painter(pair.content, as_styles([pair.style]), recipe, initial_image=start)
    for _ in painter:
        pass
    return painter.picture


def _in_one_pass(name: str, identity: str, model: OnePassModel) -> Method:
    stylist = cache(lambda: Stylist(model, precision="float32"))

    def paint(pair: Pair) -> Tensor:
        if model.predictor is not None:
            vector = stylist().read_style(pair.style.tensor)
        elif pair.name:
            vector = stylist().named_style(pair.name)
        else:
            raise OptionError(
                f"{name} paints its own styles only: name the folder of their pictures with "
                f"{option('pictures')}."
            )
        content = pair.content.tensor
        return stylist().paint(content, stylist().spatial_style([vector], content))

    fixed = tuple(model.styles) if model.predictor is None else ()
    return Method(name, identity, paint, fixed)


def _painted_elsewhere(folder: Path) -> Method:
    files = images.list_pictures(folder)

    def paint(pair: Pair) -> Tensor:
        path = next((path for path in files if path.stem == title(pair)), None)
        if path is None:
            raise OptionError(f"{folder} has no picture named {title(pair)}.")
        picture = images.read(path).tensor
        if picture.shape != pair.content.tensor.shape:
            size, expected = (
                "×".join(map(str, reversed(shape[-2:])))
                for shape in (picture.shape, pair.content.tensor.shape)
            )
            raise ImageError(f"{path} has {size} px: {expected} px are needed.")
        return picture

    return Method(folder.name, file_digest(files), paint)
