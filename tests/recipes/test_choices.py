"""The names of choices are the lines of the tables that they stand for."""

from __future__ import annotations

from impasto.cli.options import inspect
from impasto.colour.matching import METHODS
from impasto.colour.modes import COLOUR_MODES
from impasto.colour.spaces import SPACES
from impasto.colour.tones import LIGHTNESSES
from impasto.encoders.vgg import POOLINGS
from impasto.losses.content import CONTENT_NORMALIZATIONS
from impasto.losses.statistics import STYLE_NORMALIZATIONS
from impasto.losses.total_variation import VARIATIONS
from impasto.optim.optimizers import OPTIMIZERS
from impasto.recipes import choices
from impasto.regions.masks import MASK_MODES
from impasto.runtime.precision import PRECISIONS
from impasto.studies.feature_visualization import PROJECTIONS


def test_the_names_are_those_of_the_tables_in_their_order():
    tables = {
        "COLOUR_MODES": COLOUR_MODES,
        "CONTENT_NORMALIZATIONS": CONTENT_NORMALIZATIONS,
        "LIGHTNESSES": LIGHTNESSES,
        "MASK_MODES": MASK_MODES,
        "METHODS": METHODS,
        "OPTIMIZERS": OPTIMIZERS,
        "POOLINGS": POOLINGS,
        "PRECISIONS": PRECISIONS,
        "SPACES": SPACES,
        "STYLE_NORMALIZATIONS": STYLE_NORMALIZATIONS,
        "VARIATIONS": VARIATIONS,
    }
    named = {name: value for name, value in vars(choices).items() if isinstance(value, tuple)}
    assert named == {name: tuple(table) for name, table in tables.items()}


def test_the_projections_of_inspect_are_those_of_the_table():
    assert tuple(PROJECTIONS) == inspect.PROJECTIONS
