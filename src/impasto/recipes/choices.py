"""The names that entries of recipes and requests may have, of tables whose modules import torch.

The command line shows them, and must not wait for torch. A name here is a line of the table that
its comment names; ``tests/recipes/test_choices.py`` compares both.
"""

from __future__ import annotations

POOLINGS = ("max", "average")  # impasto.encoders.vgg.POOLINGS

OPTIMIZERS = ("lbfgs", "adam")  # impasto.optim.optimizers.OPTIMIZERS

STYLE_NORMALIZATIONS = ("relative", "gatys", "mean")  # of impasto.losses.statistics

CONTENT_NORMALIZATIONS = ("relative", "gatys", "quarter", "mean")  # of impasto.losses.content

VARIATIONS = (  # of losses.total_variation
    "l1", "squared", "chroma-squared", "isotropic", "isotropic-squared"
)  # fmt: skip

COLOUR_MODES = ("style", "content", "luminance", "match")  # impasto.colour.modes.COLOUR_MODES

SPACES = ("oklab", "cielab", "yiq")  # impasto.colour.spaces.SPACES

METHODS = ("cholesky", "pca", "monge-kantorovich", "histogram")  # impasto.colour.matching.METHODS

LIGHTNESSES = ("content", "style", "linear")  # impasto.colour.tones.LIGHTNESSES

MASK_MODES = ("simple", "inside", "propagated")  # impasto.regions.masks.MASK_MODES

PRECISIONS = ("auto", "float32", "bfloat16")  # impasto.runtime.precision.PRECISIONS

COARSE, FINE = "coarse", "fine"
"""Levels that a style may be restricted to: its large forms, or its brushwork."""
