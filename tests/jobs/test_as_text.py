"""Commands and programs made from requests make the same requests again."""

from __future__ import annotations

import dataclasses
import shlex
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from PIL import Image

import impasto
from impasto.cli import main
from impasto.cli.commands import paint, reconstruct, stylize, texture, video
from impasto.jobs import api
from impasto.jobs.as_command import as_command
from impasto.jobs.as_python import as_python
from impasto.jobs.request_json import any_from_json, to_json
from impasto.jobs.requests import (
    REQUESTS as KINDS,
)
from impasto.jobs.requests import (
    PaintRequest,
    ReconstructRequest,
    StyleInput,
    StylizeRequest,
    TextureRequest,
)
from impasto.jobs.video_request import Keyframe, VideoRequest
from impasto.recipes.presets import get_recipe
from impasto.recipes.recipe import Recipe
from impasto.regions.specs import RegionSpec
from impasto.video import api as video_api

PHOTO, A, B = "a photo's.png", "monet.png", "-dash, ünd.png"
KEPT = RegionSpec("face", Path("face.png"), keep=True)
SKY = RegionSpec("sky", Path("sky.png"), style=Path(A), style_mask=Path("part.png"))
OWN = RegionSpec("own", Path("sky.png"), style=Path(A), colour="content")
COMMON = RegionSpec("common", Path("sky.png"), colour="style")
SEA = RegionSpec("sea", Path("sky.png"), style_mask=Path("part.png"))
FILES = [PHOTO, A, B, "face.png", "sky.png", "part.png"]
ODD = Recipe(tv_weight=1e-7, style_scale=1 / 3, seed=2**53 + 1, style_loss="gaussian-ot",
             style_layers={"relu1_1": 0.1, "relu3_1": 1 / 3}, colour="match")  # fmt: skip

REQUESTS = {
    "paint": PaintRequest(PHOTO, (StyleInput(A),)),
    "paint-mix": PaintRequest(PHOTO, (StyleInput(A, 0.7), StyleInput(B, 1 / 3)), ODD),
    "paint-levels": PaintRequest(PHOTO, (StyleInput(A, None, "coarse"),
                                         StyleInput(B, None, "fine")), get_recipe("photo")),
    "paint-regions": PaintRequest(PHOTO, (StyleInput(A),), get_recipe("quick").replace(size=700),
                                  regions=(KEPT, SKY, SEA)),
    "paint-colours": PaintRequest(PHOTO, (StyleInput(A),), get_recipe("quick"),
                                  regions=(OWN, COMMON)),
    "paint-only-regions": PaintRequest(PHOTO, (), regions=(SKY,)),
    "paint-labels": PaintRequest(PHOTO, (StyleInput(A),), mask="sky.png", style_mask="part.png"),
    "paper": PaintRequest(PHOTO, (StyleInput(A),), get_recipe("gatys2016").replace(steps=9)),
    "texture": TextureRequest((StyleInput(A, 0.5), StyleInput(B, 2.0)), (300, 200),
                              get_recipe("texture").replace(size=300, seed=3), True),
    "content": ReconstructRequest(PHOTO, "content", get_recipe("reconstruction").replace(
        content_layers={"relu3_1": 0.5}, size=128)),
    "style": ReconstructRequest(PHOTO, "style", get_recipe("reconstruction").replace(
        style_layers={"relu1_1": 0.5, "relu2_1": 0.5})),
    "figure": ReconstructRequest(PHOTO, "figure", get_recipe("reconstruction").replace(size=96)),
    "one-weight": PaintRequest(PHOTO, (StyleInput(A, 0.5),)),
    "one-pass": StylizeRequest(PHOTO, (StyleInput("great-wave"),)),
    "one-pass-all": StylizeRequest(PHOTO, (StyleInput(A, 0.25), StyleInput(B, 0.75)), size=333,
                                   strength=0.1, style_scale=0.0, colour="content", feather=0.01,
                                   regions=(KEPT, SKY)),
    "clip": VideoRequest(StylizeRequest(PHOTO, (StyleInput("scream"),), size=320, strength=0.5),
                         start=1.25, end=1e5, fps=12.5, steady=0.3),
    "clip-keyframes": VideoRequest(
        StylizeRequest(PHOTO, (StyleInput("scream"),)), ease="smooth",
        keyframes=(Keyframe(0.0, (StyleInput("scream"),)),
                   Keyframe(4.5, (StyleInput("kiss", 0.5), StyleInput("phlox", 0.25)), 0.75),
                   Keyframe(6.0, (), 0.125))),
    "clip-painted": VideoRequest(
        StylizeRequest(PHOTO, (StyleInput(A),), style_scale=2.0, colour="match"),
        recipe=get_recipe("photo").replace(seed=5), frame_steps=4, paint_every=2),
}  # fmt: skip


@pytest.fixture
def in_folder(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    for name in FILES:
        Image.new("RGB", (64, 64)).save(name)


def same(one: Any, other: Any) -> None:
    """They make the same picture; entries that it does not use do not count."""
    assert comparable(one) == comparable(other)


def comparable(request: Any) -> str:
    request = any_from_json(to_json(request).replace('"./', '"'))
    if isinstance(request, PaintRequest) and len(request.styles) == 1:
        lone = dataclasses.replace(request.styles[0], weight=None)
        return to_json(dataclasses.replace(request, styles=(lone,)))
    if isinstance(request, TextureRequest):
        recipe = request.recipe
        plain = dict.fromkeys(("strength", "content_weight", "feather"), 1.0 / 4)
        return to_json(TextureRequest(request.styles, request.size, recipe.replace(**plain),
                                      request.tileable))  # fmt: skip
    if isinstance(request, VideoRequest) and request.recipe is not None:
        common = {name: getattr(Recipe(), name) for name in video.COMMON}
        return to_json(dataclasses.replace(request, recipe=request.recipe.replace(**common)))
    return to_json(request)


@pytest.mark.parametrize("name", REQUESTS)
def test_the_command_makes_the_same_request(name, in_folder, monkeypatch):
    request, made = REQUESTS[name], []
    command = as_command(request, "out.mp4" if name.startswith("clip") else "out.png")
    assert command is not None

    def take(*given: Any) -> int:
        made.extend(one for one in given if type(one) is type(request))
        return 0

    class Batch:
        def __init__(self, *given: Any) -> None:
            take(*given)

        def paint(self) -> Any:
            return SimpleNamespace(failed=[])

    monkeypatch.setattr(paint, "paint_batch", take)
    monkeypatch.setattr(texture, "run_to_file", take)
    monkeypatch.setattr(reconstruct, "run_to_file", take)
    monkeypatch.setattr(video, "run_one", take)
    monkeypatch.setattr(stylize, "_prepare", lambda *_: None)
    monkeypatch.setattr(stylize, "_Batch", Batch)
    monkeypatch.setattr(stylize, "print_outcome", lambda *_: 0)
    words = shlex.split(command)
    assert words[0] == "impasto"
    assert main.run(words[1:]) == 0
    same(made[0], request)


@pytest.mark.parametrize("name", REQUESTS)
def test_the_program_makes_the_same_request(name, in_folder, monkeypatch):
    request, made = REQUESTS[name], []

    class Saved:
        def finish(self) -> Any:
            return self

        def save(self, path: str) -> None:
            made.append(path)

    def take(given: Any, *_: Any, **__: Any) -> Saved:
        made.append(given)
        return Saved()

    monkeypatch.setattr(api, "finish_run", take)
    monkeypatch.setattr(video_api, "finish_run", take)
    monkeypatch.setattr(video_api, "VideoResult", Saved)
    monkeypatch.setattr(impasto, "run", take, raising=False)
    program = as_python(request, "out.png")
    assert max(map(len, program.splitlines())) <= 100
    exec(compile(program, name, "exec"), {})
    same(made[0], request)
    if name not in ("clip", "clip-keyframes", "clip-painted"):
        assert made[1:] == ["out.png"]


def test_only_what_differs_is_written():
    assert as_command(REQUESTS["paint"], "out.png") == (
        "impasto paint 'a photo'\"'\"'s.png' monet.png -o out.png"
    )
    photo = PaintRequest("p.png", (StyleInput("s.png"),), get_recipe("photo").replace(size=300))
    assert (
        as_command(photo, "o.png") == "impasto paint p.png s.png --recipe photo --size=300 -o o.png"
    )
    assert as_python(photo, "o.png") == (
        "import impasto\n\n"
        "result = impasto.paint('p.png', 's.png', recipe='photo', size=300)\n"
        "result.save('o.png')\n"
    )


def test_what_no_command_says_has_none():
    common = RegionSpec("sky", Path("sky.png"))  # as text, it would be kept
    styles, matched = (StyleInput("s.png"),), Recipe(colour="match")
    assert as_command(PaintRequest("p.png", styles, matched, regions=(common,)), "o.png") is None
    command = as_command(PaintRequest("p.png", styles, regions=(common,)), "o.png")
    assert command is not None
    assert "--region=sky=sky.png,colour=style" in command
    assert as_command(PaintRequest(Image.new("RGB", (9, 9)), styles), "o.png") is None
    assert as_command(PaintRequest("p\n.png", styles), "o.png") is None
    assert "RegionSpec('sky', 'sky.png')" in as_python(
        PaintRequest("p.png", styles, regions=(common,)), "o.png"
    )


def test_names_are_no_options_and_no_code():
    evil = PaintRequest("--output", (StyleInput("$(rm -rf .)'\"); import os #"),))
    command = as_command(evil, "-o.png")
    assert command is not None
    assert shlex.split(command)[2] == "./--output"
    assert shlex.split(command)[-1] == "./-o.png"
    program = compile(as_python(evil, "o.png"), "program", "exec")
    assert program.co_names == ("impasto", "paint", "result", "save")


def test_every_kind_of_request_is_there():
    assert {request.kind for request in REQUESTS.values()} == {*KINDS, VideoRequest.kind}
