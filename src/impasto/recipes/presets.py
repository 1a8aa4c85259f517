"""Named recipes: Impasto's own, and those of the papers as published."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

from impasto.errors import OptionError, unknown_name
from impasto.recipes.recipe import Recipe, from_toml

# Gatys, Ecker & Bethge: VGG-19 with average pooling ("improves the gradient flow and one obtains
# slightly more appealing results"), content conv4_2, style conv1_1 … conv5_1 with w_l = 1/5, white
# noise start, L-BFGS, one size; here as the rectified responses that the papers call filter
# responses. The ratios α/β below their figures are not those of their equations: through a VGG-19
# of mean activations about one, as theirs, equations 1 and 5 with α/β = 1e-4 leave the photograph
# as it is, and with 1e-8 they give what the figures show. In relative units, which no scale of a
# net changes, a thousand times the ratio spans the looks of figure 3 (see the study of that name).
PAPERS_RATIO = 1000.0
"""Content weight in relative units over the papers' α/β, where the style weight is 1."""

_GATYS = Recipe(
    encoder="vgg19 or compact2",  # which needs no download
    pooling="average",
    scales=1,
    paint_size=0,
    steps=500,
    init="noise",
    detail=0.0,
    preconditioning=0.0,
    tv_weight=0.0,
    pattern_weight=0.0,
    structure_weight=0.0,
    style_loss="gram",
    content_weight=1e-4 * PAPERS_RATIO,
    style_weight=1.0,
)

RECIPES: Mapping[str, Recipe] = {
    "default": Recipe(),
    # arXiv:1508.06576, figure 2: α/β = 1e-3 (B, C, D) or 1e-4 (E, F).
    "gatys2015": _GATYS,
    # CVPR 2016, figure 3: α/β = 1e-3 (B), 8e-4 (C), 5e-3 (D), 5e-4 (E, F).
    "gatys2016": _GATYS.replace(content_weight=1e-3 * PAPERS_RATIO),
    # Faces and letters stay readable: more content, the photograph's lines (arXiv:1707.01253), and
    # all of its detail at every size.
    "photo": Recipe(content_weight=0.3, laplacian_weight=0.05, detail=1.0),
    # A few steps from the one-pass picture at full size: the optimizer's brushwork, but not its
    # large forms, in about half of the default's time.
    "quick": Recipe(init="any", scales=1, steps=20),
    # From noise, without a content that holds colours in place, Gram matrices let them drift apart
    # (arXiv:1701.08893 says why: mean and variance may trade places); Gaussians' do not.
    "texture": Recipe(
        content_weight=0.0,
        detail=0.0,
        init="noise",
        style_loss="gaussian-ot",
        tv_weight=1.0,
        scale_ratio=2**0.5,
        steps=36,
        final_steps=14,
    ),
    # As figure 1 of arXiv:1508.06576, with a little smoothing of what a layer does not determine.
    "reconstruction": Recipe(
        detail=0.0,
        init="noise",
        size=256,
        scale_ratio=2**0.5,
        steps=78,
        final_steps=60,
        style_loss="gaussian-ot",
        tv_weight=0.05,
        pattern_weight=0.0,
        structure_weight=0.0,
    ),
}
"""The presets by name."""


def get_recipe(name_or_path: str | Path) -> Recipe:
    """A preset by name, or a recipe from a TOML file.

    Args:
        name_or_path: A name in :data:`RECIPES`, or the path of a file that ends in ``.toml``.

    Raises:
        OptionError: For an unknown name, a file that is not a recipe, or something else.
    """
    if not isinstance(name_or_path, str | Path):
        raise OptionError(
            "A recipe is an impasto.Recipe, the name of one, or the path of a TOML file, not "
            f"{type(name_or_path).__name__}.",
            got=name_or_path,
        )
    if str(name_or_path) in RECIPES:
        return RECIPES[str(name_or_path)]
    path = Path(name_or_path)
    if path.suffix != ".toml":
        raise unknown_name("recipe", str(name_or_path), [*RECIPES, "FILE.toml"])
    try:
        return from_toml(path.read_text(encoding="utf-8"))
    except (OSError, UnicodeDecodeError) as error:
        raise OptionError(f"The recipe {path} cannot be read ({error}).") from error
    except OptionError as error:
        raise OptionError(f"The recipe {path} is not usable: {error.message}") from error
