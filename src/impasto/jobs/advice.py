"""What helps after a painting that lost much of its photograph, such as a face."""

from __future__ import annotations

from torch import Tensor

from impasto.errors import option
from impasto.images.picture import Picture
from impasto.jobs.requests import PaintRequest
from impasto.painting.structure import kept_structure
from impasto.recipes.presets import get_recipe
from impasto.recipes.recipe import Recipe

MUCH_LOST = 0.7
"""Kept structure below which advice is given.

Chosen by eye, from paintings in the order of their scores: eyes, mouths and windows are lost below
it, and can mostly be seen above. Measured at 256 px on 19 photographs of people, animals, streets
and skies in two to four styles: 44 % of 68 paintings without a weight of forms are below it, and
none by ``photo``, whose lowest score is 0.82. Of 32 portraits and signs by the default recipe none
is, and the lowest has 0.85. The command that prints such shares::

    python benchmarks/structure.py --content PHOTO … --style PAINTING … --pictures FOLDER
"""

_MORE_CONTENT = 3.0


def structure_advice(request: PaintRequest, result: Tensor, content: Picture) -> str:
    """One sentence on what keeps more of the photograph; empty if it is kept, or was not meant to.

    Nothing is said of paintings that start from noise or from another picture, or whose recipe has
    no content term: they are not to be a photograph.

    Args:
        request: What was painted.
        result: The finished picture, (1, 3, H, W) in [0, 1].
        content: The photograph.
    """
    recipe = request.recipe
    if recipe.init not in ("content", "any") or not recipe.content_weight:
        return ""
    score = kept_structure(result, content.tensor.to(result.device))
    if score >= MUCH_LOST:
        return ""
    return (
        f"{score:.0%} of the photograph's structure is left, and faces or letters may be lost: "
        f"{_remedies(recipe)} keeps more."
    )


def _remedies(recipe: Recipe) -> str:
    weight = f"{option('content_weight')} {recipe.content_weight * _MORE_CONTENT:.2g}"
    remedies = [weight]
    if recipe.colour == "style":
        remedies.insert(0, f"{option('colour')} content")
    if recipe.laplacian_weight < get_recipe("photo").laplacian_weight:
        remedies.insert(0, f"{option('recipe')} photo")
    return remedies[0] if len(remedies) == 1 else f"{', '.join(remedies[:-1])} or {remedies[-1]}"
