"""Recipes in words."""

import pytest

from impasto.recipes.presets import RECIPES
from impasto.recipes.recipe import Recipe
from impasto.reports.parts import nearest_preset


@pytest.mark.parametrize("name", RECIPES)
def test_a_preset_is_told_by_its_name(name):
    assert nearest_preset(RECIPES[name].to_toml()) == (name, {})
    assert nearest_preset(RECIPES[name].replace(seed=77).to_toml()) == (name, {"seed": "77"})


def test_what_was_changed_is_told_in_words():
    recipe = Recipe(size=768, style_weight=2.5, style_layers={"relu1_1": 1.0, "relu2_1": 0.5})
    assert nearest_preset(recipe.to_toml()) == (
        "default",
        {"size": "768", "style_weight": "2.5", "style_layers": "relu1_1=1, relu2_1=0.5"},
    )


def test_recipes_of_other_versions_and_broken_ones():
    assert nearest_preset('brush = "broad"\nsize = 512') == ("default", {"brush": "broad"})
    assert nearest_preset("no recipe at all") is None
