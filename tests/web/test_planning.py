"""What a request would take, told before it is sent."""

from __future__ import annotations

import json

import pytest

from helpers.sentences import sentence
from helpers.web_client import folders, paint_request, stylize_request
from impasto.errors import OptionError
from impasto.web.planning import read_shapes
from impasto.web.settings import Limits


@pytest.mark.parametrize(
    "shapes",
    [None, [], {"content": 3}, {"content": [1]}, {"content": [0, 5]}, {"content": [True, 5]},
     {"content": [5.0, 5]}, {"content": [1 << 17, 5]}],
)  # fmt: skip
def test_what_are_no_shapes_is_told(shapes):
    sentence(OptionError, read_shapes, shapes, Limits())


def test_pictures_that_would_not_be_taken_are_told():
    limits = Limits(picture_pixels=1024)
    assert read_shapes({"content": [32, 32]}, limits) == {"content": (32, 32)}
    assert "1024" in sentence(OptionError, read_shapes, {"content": [33, 32]}, limits)


def plan(client, request, **shapes):
    named = {name.replace("_", "-"): shape for name, shape in shapes.items()}
    body = json.dumps({"request": request, "shapes": named}).encode()
    return client.send("POST", "/api/plan", body, **{"content-type": "application/json"})


def test_a_painting_is_planned_as_it_would_be_painted(client):
    before = folders()
    answer = plan(client, paint_request(size=128), content=[4000, 3000], style_1=[300, 200])
    assert answer.status == 200, answer.body
    found = answer.json
    assert (found["sizes"], found["steps"]) == ([[128, 96]], [2])
    assert found["seconds"] > 0
    assert 10**8 < found["bytes"] < 10**10
    assert found["longest_side"] > 512
    small = plan(client, paint_request(size=64), content=[4000, 3000], style_1=[300, 200]).json
    assert small["bytes"] < found["bytes"]
    assert folders() == before


def test_textures_with_samples_are_planned(client):
    styles = [{"source": "sample:van-gogh-starry-night"}]
    request = {"version": 1, "kind": "texture", "styles": styles, "size": [64, 96],
               "recipe": {"size": 96, "scales": 1, "steps": 3}}  # fmt: skip
    found = plan(client, request).json
    assert (found["sizes"], found["steps"]) == ([[96, 64]], [3])


def test_what_cannot_be_painted_is_a_sentence(client):
    shapes = {"content": [400, 300], "style_1": [300, 200]}
    too_large = plan(client, paint_request(size=60_000), **shapes)
    assert (too_large.status, "size" in too_large.message) == (422, True)
    unsent = plan(client, paint_request())
    assert (unsent.status, "content" in unsent.message) == (422, True)
    assert plan(client, stylize_request(), content=[400, 300]).status == 422
    assert client.send("POST", "/api/plan", b"[1]").status == 422
    assert client.send("POST", "/api/plan", b"[" * 100_000).status == 422
    assert client.send("POST", "/api/plan", b" " * 300_000).status == 413
