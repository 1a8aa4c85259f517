"""Requests: the same in JSON and back, and nothing but a request is ever read."""

from __future__ import annotations

import dataclasses
import json
import re
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image

from impasto.errors import OptionError
from impasto.jobs.request_json import from_json, from_metadata, to_json
from impasto.jobs.requests import (
    REQUESTS,
    PaintRequest,
    ReconstructRequest,
    StyleInput,
    StylizeRequest,
    TextureRequest,
    parse_styles,
)
from impasto.jobs.results import describe_request
from impasto.recipes.recipe import Recipe
from impasto.regions.masks import RegionSpec

NAMES = st.text(st.characters(codec="utf-8", exclude_characters="\0"), min_size=1, max_size=40)
WEIGHTS = st.none() | st.floats(1e-6, 1e6)
STYLES = st.lists(
    st.builds(StyleInput, NAMES, WEIGHTS, st.sampled_from(["", "coarse", "fine"])),
    min_size=1,
    max_size=3,
).map(tuple)
PATHS = NAMES.map(Path)
REGIONS = st.lists(
    st.builds(RegionSpec, NAMES, PATHS, st.none() | PATHS, st.none() | PATHS, st.booleans()),
    max_size=2,
).map(tuple)
RECIPES = st.builds(Recipe, size=st.integers(32, 4096), style_weight=st.floats(0.1, 1e6))
MASKS = {"mask": st.none() | NAMES, "style_mask": st.none() | NAMES, "regions": REGIONS}
SIDES = st.integers(1, 5000)

ANY_REQUEST = st.one_of(
    st.builds(PaintRequest, NAMES, STYLES, RECIPES, **MASKS),
    st.builds(TextureRequest, STYLES, st.tuples(SIDES, SIDES), RECIPES, st.booleans()),
    st.builds(
        ReconstructRequest, NAMES, st.sampled_from(["content", "style", "figure"]), RECIPES
    ),
    st.builds(
        StylizeRequest, NAMES, STYLES, model=st.just("") | NAMES, size=st.integers(0, 65536),
        strength=st.floats(0, 1), style_scale=st.just(0.0) | st.floats(0.05, 20),
        colour=st.sampled_from(["style", "match"]),
        feather=st.floats(0, 0.5), **MASKS,
    ),
)  # fmt: skip

PAINT = PaintRequest("a.jpg", (StyleInput("b.jpg"),))
STYLIZE = StylizeRequest("a.jpg", (StyleInput("wave"),))


@given(ANY_REQUEST)
@settings(max_examples=150)
def test_json_round_trip(request_):
    text = to_json(request_)
    again = from_json(text)
    assert again == request_
    assert to_json(again) == text
    assert from_metadata(describe_request(request_)) == request_


def test_pictures_in_memory_become_a_remark():
    request = PaintRequest(Image.new("RGB", (3, 2)), (StyleInput("b.jpg"),))
    assert json.loads(to_json(request))["content"] == "(a picture in memory)"
    assert request.files[0] == "(a picture in memory)"


def changed(request: Any, **changes: Any) -> str:
    return json.dumps(json.loads(to_json(request)) | changes)


@pytest.mark.parametrize(
    ("text", "sentence"),
    [
        ("", "not valid JSON"),
        ("[" * 100_000, "not valid JSON"),
        ("[1]", "must be an object"),
        ("{}", "version None"),
        (changed(PAINT, version=2), "version 2; this Impasto reads 1"),
        (changed(PAINT, kind="shell"), "kind is 'shell'"),
        (changed(PAINT, kind=["paint"]), "kind is"),
        (changed(PAINT, output="b.png"), "has no entry 'output'"),
        (changed(STYLIZE, save_style="precious.safetensors"), "has no entry 'save_style'"),
        (changed(STYLIZE, memory="1GB"), "has no entry 'memory'"),
        (changed(PAINT, content=7), "content must be a name, not 7"),
        (changed(PAINT, content="a\0b"), "content must be a name"),
        (changed(PAINT, content="x" * 5000), "content must be a name"),
        (changed(PAINT, content="\ud800"), "broken characters"),
        (changed(PAINT, styles="b.jpg"), "styles must be a list"),
        (changed(PAINT, styles=[]), "at least one style"),
        (changed(PAINT, styles=[{"source": "b", "weight": 0}]), "weight of a style must be above"),
        (changed(PAINT, styles=[{"source": "b", "weight": True}]), "must be a number"),
        (changed(PAINT, styles=[{"source": "b", "weight": 10**400}]), "must be a number"),
        (changed(PAINT, recipe={"init": "a\0b"}), "recipe's init must be a name"),
        (changed(PAINT, recipe={"encoder": "\ud800"}), "broken characters"),
        (changed(STYLIZE, model="a\0b"), "model must be a name"),
        (changed(PAINT, version=True), "version True"),
        (changed(PAINT, styles=[{"source": "b", "level": "broad"}]), "Unknown level"),
        (changed(PAINT, styles=[{"source": "b", "run": "rm"}]), "have no entry 'run'"),
        (changed(PAINT, styles=[{"source": "b"}] * 2000), "a list of at most 1000"),
        (changed(PAINT, regions=[{"name": "sky"}]), "The region sky has no mask"),
        (changed(PAINT, regions=[{"name": "sky", "content_mask": "m", "keep": 1}]), "true or fal"),
        (changed(PAINT, recipe={"size": 10**400}), "size takes a whole number"),
        (changed(PAINT, recipe={"size": 31}), "size must be from 32"),
        (changed(PAINT, recipe={"max_pixels": 9}), "Unknown recipe entry 'max_pixels'"),
        (changed(PAINT, recipe=[]), "recipe must be an object"),
        (changed(STYLIZE, strength=2), "strength must be from 0 to 1"),
        (changed(STYLIZE, strength="1"), "strength takes a number"),
        (changed(STYLIZE, size=[3, 4]), "takes a whole number"),
        (to_json(STYLIZE).replace("1.0", "NaN"), "not valid JSON"),
        (" " * 300_000, "at most 262144 are read"),
    ],
)
def test_what_is_no_request_is_refused(text, sentence):
    with pytest.raises(OptionError) as error:
        from_json(text)
    assert sentence in str(error.value)
    assert len(str(error.value)) < 3000


@given(st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=20),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=9), inner),
    max_leaves=12,
), st.sampled_from([PAINT, STYLIZE]), st.data())  # fmt: skip
@settings(max_examples=200)
def test_any_value_of_an_entry_is_taken_or_refused(value, request_, data):
    name = data.draw(st.sampled_from([f.name for f in dataclasses.fields(request_)]))
    try:
        read = from_json(changed(request_, **{name: value}))
    except OptionError:
        return
    assert from_json(to_json(read)) == read


@pytest.mark.parametrize("kind", REQUESTS)
def test_what_has_to_be_there(kind):
    with pytest.raises(OptionError, match="lacks the entry"):
        from_json(json.dumps({"version": 1, "kind": kind}))


# --- pictures of version 0.1.0 --------------------------------------------------------------------


def test_an_old_painting():
    recipe = Recipe(size=96, normalization="gatys")
    old = {
        "impasto": "0.1.0",
        "recipe": recipe.to_toml().replace("normalization", "normalisation"),
        "content": "a.jpg",
        "style": '["coarse=b.jpg:0.7", "fine=c.jpg:0.3"]',
        "mask": "m.png",
        "style mask": "s.png",
        "regions": '["sky=k.png@d.jpg"]',
    }
    assert from_metadata(old) == PaintRequest(
        "a.jpg", parse_styles(["coarse=b.jpg:0.7", "fine=c.jpg:0.3"]), recipe, "m.png", "s.png",
        (RegionSpec("sky", Path("k.png"), None, Path("d.jpg")),),
    )  # fmt: skip


def test_recipes_from_before_the_ratio_keep_their_sizes():
    """Sizes of the pyramid differed by √2."""
    old = re.sub("scale_ratio.*\n", "", Recipe(size=96).to_toml())
    metadata = {"recipe": old, "content": "a.jpg", "style": '["b.jpg"]'}
    expected = Recipe(size=96, scale_ratio=2**0.5)
    assert from_metadata(metadata).recipe == expected
    request = json.loads(to_json(PaintRequest("a.jpg", parse_styles(["b.jpg"]), Recipe(size=96))))
    del request["recipe"]["scale_ratio"]
    assert from_json(json.dumps(request)).recipe == expected
    request["recipe"] = {"size": 96}  # written by hand
    assert from_json(json.dumps(request)).recipe == Recipe(size=96)


def test_recipes_from_before_the_bounds_of_colours_keep_theirs():
    before = {"gamut": "srgb", "match_lightness": "linear", "paint_size": 0, "structure_weight": 0}
    old = re.sub(f"({'|'.join(before)}).*\n", "", Recipe(size=96).to_toml())
    metadata = {"recipe": old, "content": "a.jpg", "style": '["b.jpg"]'}
    expected = Recipe(size=96, **before)
    assert from_metadata(metadata).recipe == expected
    request = json.loads(to_json(PaintRequest("a.jpg", parse_styles(["b.jpg"]), Recipe(size=96))))
    for entry in before:
        del request["recipe"][entry]
    assert from_json(json.dumps(request)).recipe == expected


def test_old_textures_and_reconstructions():
    old = {"recipe": Recipe().to_toml(), "content": "(noise)", "style": '["b.jpg"]'}
    texture = from_metadata(old | {"made as": "tileable texture", "canvas": "64x32"})
    assert texture == TextureRequest(parse_styles(["b.jpg"]), (32, 64), Recipe(), True)
    made = from_metadata(old | {"content": "a.jpg", "made as": "figure reconstruction"})
    assert made == ReconstructRequest("a.jpg", "figure", Recipe())


def test_an_old_one_pass_picture_sets_nothing_but_what_it_looks_like():
    options = {
        "strength": 0.5, "colour": "match", "model": "", "size": "", "mask": "", "feather": 0.1,
        "save_style": "precious.safetensors", "max_pixels": 10**12, "help": True, "memory": "1GB",
    }  # fmt: skip
    old = {
        "content": "a.jpg", "style": '{"wave": 0.7, "b.jpg:2": 0.3}',
        "stylize": json.dumps(options), "regions": '["sky=k.png@scream"]',
    }  # fmt: skip
    assert from_metadata(old) == StylizeRequest(
        "a.jpg", (StyleInput("wave", 0.7), StyleInput("b.jpg:2", 0.3)), strength=0.5,
        style_scale=0.0, colour="match", feather=0.1,
        regions=(RegionSpec("sky", Path("k.png"), None, Path("scream")),),
    )  # fmt: skip


def test_strokes_of_pictures_from_before_they_had_a_scale_have_their_size_in_pixels():
    described = json.loads(to_json(STYLIZE))
    assert described.pop("style_scale") == 1.0
    assert from_json(json.dumps(described)) == STYLIZE.replace(style_scale=0)
    # A program that leaves out what it does not care for gets the default.
    few = {name: described[name] for name in ("version", "kind", "content", "styles")}
    assert from_json(json.dumps(few)) == STYLIZE


@pytest.mark.parametrize("scale", [-1, 0.04, 1e-9, 20.1, float("nan"), float("inf"), "big", True])
def test_strokes_have_a_possible_size(scale):
    with pytest.raises(OptionError, match="style_scale"):
        STYLIZE.replace(style_scale=scale)


@pytest.mark.parametrize(
    "broken",
    [
        {"stylize": "x"}, {"stylize": "{}", "style": "[]"}, {"stylize": '{"size": "big"}'},
        {"stylize": "{}", "style": '{"a": 1}', "content": ""}, {"recipe": "size = 3"},
        {"recipe": "", "style": '["a:0"]'}, {"recipe": "", "style": "{}"},
        {"recipe": "", "style": '["a"]', "content": "a", "regions": '["nothing"]'},
        {"recipe": "", "made as": "texture", "style": '["a"]', "canvas": "0x7"},
        {"request": "{"}, {"recipe": "a=" + "[" * 100_000}, {"recipe": "#" * 300_000},
        {"stylize": "{}", "style": '{"a": ' + "9" * 400 + "}", "content": "b"},
    ],
)  # fmt: skip
def test_broken_metadata_are_one_sentence(broken):
    with pytest.raises(OptionError):
        from_metadata(broken)


def test_other_pictures_hold_no_request():
    assert from_metadata({}) is None
    assert from_metadata({"Software": "a camera"}) is None
