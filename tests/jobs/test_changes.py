"""Requests with entries changed are checked as new requests are."""

from __future__ import annotations

import pytest

from impasto.cli.commands.rerun import _offered
from impasto.errors import OptionError
from impasto.jobs.changes import changed
from impasto.jobs.requests import (
    PaintRequest,
    ReconstructRequest,
    StyleInput,
    StylizeRequest,
    TextureRequest,
)
from impasto.recipes.presets import RECIPES
from impasto.recipes.recipe import FIELDS, Recipe
from impasto.runtime.fields import entries

STYLES = (StyleInput("b.png"),)
PAINT = PaintRequest("a.png", STYLES, Recipe(size=96, steps=7))
TEXTURE = TextureRequest(STYLES, (60, 90))
RECONSTRUCT = ReconstructRequest("a.png")
STYLIZE = StylizeRequest("a.png", STYLES, strength=0.5)


def change(request, **changes):
    return changed(request, changes, _offered(request.kind))


def test_entries_of_the_recipe():
    made = change(PAINT, style_weight=2, content_layers={"relu3_1": 1})
    assert made == PaintRequest(
        "a.png",
        STYLES,
        Recipe(size=96, steps=7, style_weight=2.0, content_layers={"relu3_1": 1.0}),
    )


def test_another_recipe_keeps_the_size_and_takes_entries():
    made = change(PAINT, recipe="photo", strength=0.5)
    assert made.recipe == RECIPES["photo"].replace(size=96, strength=0.5)
    assert change(PAINT, recipe="photo", size=128).recipe == RECIPES["photo"].replace(size=128)


def test_fields_of_the_request():
    other = (StyleInput("c.png", 0.5, "fine"),)
    made = change(PAINT, content="d.png", styles=other, mask="m.png", style_mask="n.png")
    assert made == PaintRequest("d.png", other, PAINT.recipe, "m.png", "n.png")


def test_one_pass():
    made = change(STYLIZE, colour="content", model="multi", size=128)
    assert made == StylizeRequest(
        "a.png", STYLES, strength=0.5, colour="content", model="multi", size=128
    )


def test_textures():
    made = change(TEXTURE, tileable=True, size=(40, 50))
    assert (made.size, made.recipe.size, made.tileable) == ((40, 50), 50, True)
    assert change(TEXTURE, size=180).size == (120, 180)


def test_reconstructions():
    made = change(RECONSTRUCT, style_layers={"relu1_1": 1.0})
    assert (made.source, made.recipe.style_layers) == ("style", {"relu1_1": 1.0})
    assert change(made, content_layers={"relu4_2": 1.0}).source == "content"
    assert change(made, figure=True).source == "figure"


@pytest.mark.parametrize(
    ("request_", "changes", "told"),
    [
        (PAINT, {"strength": 2}, "strength must be from 0 to 1"),
        (PAINT, {"colour": "red"}, "Unknown value of colour 'red'"),
        (PAINT, {"size": 8}, "size must be from 32"),
        (PAINT, {"size": (8, 9)}, "size is one number"),
        (PAINT, {"model": "any"}, "made by paint, which has no model: leave it out"),
        (PAINT, {"tileable": True}, "made by paint, which has no tileable"),
        (PAINT, {"figure": True}, "made by paint, which has no figure"),
        (PAINT, {"kind": "texture"}, "made by paint, which has no kind"),
        (PAINT, {"styles": ()}, "at least one style"),
        (PAINT, {"recipe": "gatys"}, "Unknown recipe 'gatys'"),
        (STYLIZE, {"style_weight": 2.0}, "made by stylize, which has no style_weight"),
        (STYLIZE, {"recipe": "photo"}, "made by stylize, which has no recipe"),
        (STYLIZE, {"strength": -1}, "strength must be from 0 to 1"),
        (TEXTURE, {"content": "a.png"}, "made by texture, which has no content"),
        (TEXTURE, {"content_weight": 1.0}, "made by texture, which has no content_weight"),
        (RECONSTRUCT, {"style_weight": 1.0}, "made by reconstruct, which has no style_weight"),
        (
            RECONSTRUCT,
            {"style_layers": {"relu1_1": 1}, "content_layers": {"relu1_1": 1}},
            "content_layers or style_layers: give one",
        ),
    ],
)
def test_what_is_refused(request_, changes, told):
    with pytest.raises(OptionError, match=told):
        change(request_, **changes)


def test_every_entry_that_a_command_offers_can_be_changed():
    for request, kind in ((PAINT, Recipe), (STYLIZE, StylizeRequest)):
        for name, entry in entries(kind).items():
            if name != "size":
                value = entry.default or {float: 0.25, int: 3, str: "any"}.get(entry.kind)
                assert change(request, **{name: value}) is not None, name
    assert entries(StylizeRequest).keys() - FIELDS.keys() == {"model"}
