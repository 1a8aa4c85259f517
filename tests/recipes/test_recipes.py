"""Recipes: every number checked, written as TOML and read again; options change them."""

from __future__ import annotations

import argparse
import dataclasses
import math
from functools import partial
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from helpers import sentences
from impasto.cli.shared import recipe_options
from impasto.errors import OptionError
from impasto.jobs.requests import parse_styles
from impasto.recipes.presets import RECIPES, get_recipe
from impasto.recipes.recipe import FIELDS, INITS, Recipe, from_toml

FREE_TEXT = {"encoder", "init"}
"""Entries that may be a path, so that there is no list of what they may be."""

LAYERS = {"style_layers", "content_layers"}

_RANGES = {name: entry.range for name, entry in FIELDS.items() if entry.range}


def choices(name: str) -> tuple[str, ...] | None:
    return FIELDS[name].names


WEIGHTS = st.floats(0, 1e300, allow_subnormal=False)


def values(name: str) -> st.SearchStrategy[Any]:
    """What an entry may be."""
    if allowed := choices(name):
        return st.sampled_from(allowed)
    if name in LAYERS:
        layers = st.dictionaries(st.text(min_size=1), WEIGHTS, min_size=1, max_size=4)
        return layers.filter(lambda weights: any(weights.values()))
    if name in FREE_TEXT:
        return st.text(st.characters(codec="utf-8"))
    least, greatest = _RANGES[name]
    if isinstance(getattr(Recipe(), name), int):
        return st.integers(int(least), int(greatest))
    # One weight is kept above zero, since three zeros are refused.
    return st.floats(1e-6 if name == "style_weight" else least, greatest)


ANY_RECIPE = st.builds(Recipe, **{name: values(name) for name in FIELDS})


sentence = partial(sentences.said, OptionError)


# --- TOML ----------------------------------------------------------------------------------------


@given(ANY_RECIPE)
@settings(max_examples=60, deadline=None)
def test_toml_round_trip(recipe):
    assert from_toml(recipe.to_toml()) == recipe


def test_toml_entries_default_to_the_recipe():
    assert from_toml("") == Recipe()
    assert from_toml("size = 640\n[style_layers]\nrelu1_1 = 2") == Recipe(
        size=640, style_layers={"relu1_1": 2.0}
    )


def test_integers_and_floats_are_converted():
    recipe = from_toml("size = 640.0\nstyle_weight = 2")
    assert (recipe.size, type(recipe.size)) == (640, int)
    assert (recipe.style_weight, type(recipe.style_weight)) == (2.0, float)


@pytest.mark.parametrize(
    "text", ["size = 640 px", "size", "[style_layers", 'init = "a\nb"', "size = 1\nsize = 2", "\0"]
)
def test_text_that_is_no_toml(text):
    assert sentence(from_toml, text).startswith("not valid TOML: ")


# --- what is refused -----------------------------------------------------------------------------


def test_every_entry_is_checked_in_one_way():
    by_choice = {name for name in FIELDS if choices(name)}
    parts = [by_choice, set(_RANGES), LAYERS, FREE_TEXT]
    assert set().union(*parts) == set(FIELDS)
    assert sum(map(len, parts)) == len(FIELDS)
    assert all(getattr(Recipe(), name) in (choices(name) or ()) for name in by_choice)


@pytest.mark.parametrize("name", _RANGES)
def test_numbers_stay_in_their_range(name):
    least, greatest = _RANGES[name]
    whole = isinstance(getattr(Recipe(), name), int)
    over = greatest + 1 if whole else math.nextafter(greatest, math.inf)
    flag = name
    for value in (least, greatest):
        assert getattr(Recipe().replace(**{name: value}), name) == value
    for value in (least - 1, over):
        text = sentence(Recipe().replace, **{name: value})
        assert text == f"{flag} must be from {least:g} to {greatest:g}, not {value}."
    for value in (math.nan, math.inf, -math.inf):
        assert sentence(Recipe().replace, **{name: value}).endswith(f", not {value}.")


@pytest.mark.parametrize("name", _RANGES)
@pytest.mark.parametrize("value", ["7", "", None, True, [7], {"a": 7}, 10**400])
def test_numbers_of_another_type(name, value):
    text = sentence(Recipe().replace, **{name: value})
    assert text.startswith(f"{name} ")


@pytest.mark.parametrize("name", ["size", "scales", "smallest", "steps", "final_steps", "seed"])
def test_counts_are_whole(name):
    flag = name
    assert sentence(Recipe().replace, **{name: 60.5}) == f"{flag} takes a whole number, not 60.5."


@pytest.mark.parametrize("name", [name for name in FIELDS if choices(name)])
def test_names_are_of_the_list(name):
    allowed = choices(name) or ()
    for value in allowed:
        assert getattr(Recipe().replace(**{name: value}), name) == value
    text = sentence(Recipe().replace, **{name: allowed[-1] + "x"})
    flag = name
    assert text == (
        f"Unknown value of {flag} '{allowed[-1]}x': choose one of {', '.join(allowed)}. "
        f"Did you mean '{allowed[-1]}'?"
    )
    objects = FIELDS[name].objects
    word = "a word" if objects is None else f"a name or {objects.words}"
    assert sentence(Recipe().replace, **{name: 7}) == f"{flag} takes {word}, not 7."


@pytest.mark.parametrize("name", sorted(LAYERS))
@pytest.mark.parametrize("value", [-1, -1e-9, math.nan, math.inf])
def test_layer_weights_are_not_negative(name, value):
    flag = name
    text = sentence(Recipe().replace, **{name: {"relu1_1": 1, "relu2_1": value}})
    assert text == f"{flag}: the weight of relu2_1 must be 0 or more, not {float(value)}."


@pytest.mark.parametrize("name", sorted(LAYERS))
@pytest.mark.parametrize("value", [{}, "relu1_1", 1, None, {"a": "x"}, {"a": None}, {"a": {}},
                                   {"a": True}])  # fmt: skip
def test_layers_of_another_type(name, value):
    flag = name
    text = sentence(Recipe().replace, **{name: value})
    assert text == f"{flag} takes layers with weights, not {value!r}."


def test_huge_weights_are_told_in_short():
    text = sentence(Recipe().replace, style_layers={"a": 10**400})
    assert text == "style_layers takes layers with weights, not {'a': 100000000000… (401 digits)}."


def test_unknown_entry():
    text = sentence(Recipe().replace, style_wieght=2)
    assert text.startswith("Unknown recipe entry 'style_wieght': choose one of encoder, pooling, ")
    assert text.endswith("Did you mean 'style_weight'?")
    assert "Unknown recipe entry 'self'" in sentence(from_toml, "self = 1")


def test_all_weights_zero_is_refused():
    nothing = {"style_weight": 0.0, "content_weight": 0.0, "tv_weight": 0.0}
    assert "All weights are zero: give style_weight" in sentence(Recipe, **nothing)
    assert Recipe(**nothing | {"tv_weight": 1e-9})


def test_recipes_are_frozen():
    with pytest.raises(dataclasses.FrozenInstanceError):
        Recipe().size = 3  # type: ignore[misc]


@pytest.mark.parametrize(
    ("changes", "field", "got", "allowed"),
    [
        ({"size": 31}, "size", 31, (32, 65536)),
        ({"size": "big"}, "size", "big", "a whole number"),
        ({"style_loss": "gran"}, "style_loss", "gran", list(FIELDS["style_loss"].names)),
        ({"style_layers": 7}, "style_layers", 7, None),
    ],
)
def test_errors_carry_the_field_and_what_was_wrong(changes, field, got, allowed):
    with pytest.raises(OptionError) as error:
        Recipe().replace(**changes)
    assert (error.value.field, error.value.got, error.value.allowed) == (field, got, allowed)


# --- presets -------------------------------------------------------------------------------------


@pytest.mark.parametrize(("name", "ratio"), [("gatys2015", 1e-4), ("gatys2016", 1e-3)])
def test_gatys_as_published(name, ratio):
    recipe = get_recipe(name)
    # A thousand times the ratio, in units that do not depend on the net: see the presets.
    assert recipe.content_weight / recipe.style_weight == pytest.approx(1000 * ratio)
    assert recipe.style_layers == {f"relu{block}_1": 0.2 for block in range(1, 6)}
    assert recipe.content_layers == {"relu4_2": 1.0}
    assert recipe.encoder == "vgg19 or compact2"  # VGG-19 where it was downloaded
    assert (recipe.pooling, recipe.style_loss) == ("average", "gram")
    assert (recipe.normalization, recipe.content_normalization) == ("relative", "relative")
    assert (recipe.optimizer, recipe.init, recipe.scales) == ("lbfgs", "noise", 1)
    assert (recipe.tv_weight, recipe.style_scale) == (0.0, 1.0)


def test_default_preset_is_the_default():
    assert RECIPES["default"] == Recipe() == get_recipe("default")


def test_recipe_files(tmp_path):
    path = tmp_path / "mine.toml"
    recipe = Recipe(size=333, init="ü.png")
    path.write_text(recipe.to_toml(), encoding="utf-8")
    assert get_recipe(path) == get_recipe(str(path)) == recipe
    path.write_bytes(b"size = '\xff'")
    assert sentence(get_recipe, path).startswith(f"The recipe {path} cannot be read (")
    path.write_text("sise = 3")
    text = sentence(get_recipe, path)
    assert text.startswith(f"The recipe {path} is not usable: Unknown recipe entry 'sise'")
    assert "cannot be read" in sentence(get_recipe, tmp_path / "absent.toml")
    assert "Did you mean 'gatys2015'?" in sentence(get_recipe, "gatys-2015")


# --- options -------------------------------------------------------------------------------------


def parse(*words: str) -> Recipe:
    parser = argparse.ArgumentParser()
    recipe_options.add_recipe_options(parser)
    return recipe_options.recipe_from(parser.parse_args(words))


def test_every_entry_is_described_and_offered_once():
    assert all(len(entry.help) > 10 for entry in FIELDS.values())
    assert {entry.group for entry in FIELDS.values()} == set(recipe_options.GROUPS)
    described = Recipe.__doc__ or ""
    assert all(f"        {name}: " in described for name in FIELDS)
    assert list(FIELDS) == [field.name for field in dataclasses.fields(Recipe)]


def test_init_names_the_choices():
    assert all(name in FIELDS["init"].help for name in INITS)


def test_other_spellings_are_accepted():
    changed = Recipe().replace(color="match", normalisation="gatys")
    assert changed == Recipe(colour="match", normalization="gatys")
    assert from_toml('content_normalisation = "mean"').content_normalization == "mean"
    assert parse("--color", "match", "--normalisation=gatys") == changed
    assert "colour is given twice" in sentence(Recipe().replace, colour="style", color="match")


@given(ANY_RECIPE)
@settings(max_examples=30, deadline=None)
def test_options_can_set_every_entry(recipe):
    simple = FIELDS.keys() - LAYERS
    parsed = parse(*(f"--{name.replace('_', '-')}={getattr(recipe, name)}" for name in simple))
    assert parsed.replace(**{name: getattr(recipe, name) for name in LAYERS}) == recipe


def test_options_change_the_named_recipe(tmp_path):
    (tmp_path / "mine.toml").write_text(Recipe(size=333, steps=7).to_toml())
    assert parse() == Recipe()
    assert parse("--recipe", "gatys2016") == RECIPES["gatys2016"]
    changed = parse("--recipe", str(tmp_path / "mine.toml"), "--steps", "9", "--tv-weight", "0")
    assert changed == Recipe(size=333, steps=9, tv_weight=0.0)
    layers = parse("--style-layers", "relu1_1=2, relu3_1").style_layers
    assert layers == {"relu1_1": 2.0, "relu3_1": 1.0}


@given(st.dictionaries(st.from_regex(r"[a-z]+[0-9_]*", fullmatch=True), WEIGHTS, min_size=1))
def test_layers_are_read_as_written(layers):
    text = ",".join(f"{name}={weight!r}" for name, weight in layers.items())
    assert recipe_options.parse_layers(text) == layers


@pytest.mark.parametrize("text", ["", "a,,b", "=1", "a=b", "a=1=2", "a=1;b=2", ","])
def test_layers_that_are_none(text):
    with pytest.raises(argparse.ArgumentTypeError, match="example"):
        recipe_options.parse_layers(text)


@pytest.mark.parametrize(
    ("texts", "paths", "weights"),
    [
        (["a.jpg"], ["a.jpg"], None),
        (["a.jpg", "b c.png"], ["a.jpg", "b c.png"], None),
        (["a.jpg:0.7", "b.png:.3"], ["a.jpg", "b.png"], [0.7, 0.3]),
        (["a.jpg:2"], ["a.jpg"], [2.0]),
        ([r"C:\art\a.jpg", "D:/b.jpg"], [r"C:\art\a.jpg", "D:/b.jpg"], None),
        ([r"C:\art\a.jpg:0.5", "D:/b.jpg:1e-3"], [r"C:\art\a.jpg", "D:/b.jpg"], [0.5, 1e-3]),
        (["shot 12:30.jpg"], ["shot 12:30.jpg"], None),
        (["a.jpg:"], ["a.jpg:"], None),
    ],
)
def test_styles(texts, paths, weights):
    styles = parse_styles(texts)
    assert [style.source for style in styles] == paths
    assert [style.weight for style in styles] == (weights or [None] * len(paths))
    assert parse_styles([str(style) for style in styles]) == styles


def test_levels_of_styles():
    coarse, fine, whole = parse_styles(["coarse=a.jpg:2", "fine=b=c.jpg:1", "fi.jpg:1"])
    assert (coarse.source, coarse.weight, coarse.level) == ("a.jpg", 2.0, "coarse")
    assert (fine.source, fine.level, whole.level) == ("b=c.jpg", "fine", "")
    assert str(coarse) == "coarse=a.jpg:2.0"


@pytest.mark.parametrize("weight", ["0", "-1", "inf", "-inf", "nan", "0.0"])
def test_style_weights_are_above_zero(weight):
    text = sentence(parse_styles, ["b.jpg:1", f"C:/a.jpg:{weight}"])
    assert text == f"The weight of style C:/a.jpg must be above 0, not {weight}."


def test_style_weights_for_some_only():
    text = sentence(parse_styles, ["a.jpg:0.7", "b.jpg"])
    assert text == "Give every style a weight or none: a.jpg:0.7 b.jpg:0.3"
