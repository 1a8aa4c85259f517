"""Jobs as commands and programs, with the client's own names, which are only shown."""

from __future__ import annotations

import shlex
from pathlib import Path

import pytest

from helpers.web_client import PAINTING, PHOTO, paint_request, stylize_request
from impasto.jobs.requests import PaintRequest, StyleInput, TextureRequest
from impasto.recipes.presets import get_recipe
from impasto.regions.specs import RegionSpec
from impasto.web.code import job_as_code, shown_names
from impasto.web.job import Job


@pytest.mark.parametrize(
    ("given", "shown"),
    [
        ({"content": "My photo.jpg"}, {"content": "My photo.jpg"}),
        ({"content": "../../etc/passwd"}, {"content": "passwd"}),
        ({"content": "C:\\pictures\\a.png"}, {"content": "a.png"}),
        ({"content": None}, {"content": "content.png"}),
        ({"content": "/"}, {"content": "content.png"}),
        ({"content": "a\n\x1b[31m.png"}, {"content": "a[31m.png"}),
        ({"content": "a.png", "style-1": "a.png"}, {"content": "a.png", "style-1": "a-2.png"}),
        ({"content": "x" * 500 + ".png"}, {"content": "x" * 96 + ".png"}),
    ],
)
def test_names_of_clients_are_made_harmless(given, shown):
    assert shown_names(given) == shown


def job_of(request, **names: str) -> Job:
    shown = {name.replace("_", "-"): file for name, file in names.items()}
    return Job(request, "client", "", Path("folder"), names=shown)


def test_a_job_is_told_with_the_names_of_the_client():
    region = RegionSpec("sky", Path("mask-1.upload"), style=Path("style-1.upload"))
    request = PaintRequest(
        "content.upload",
        (StyleInput("van-gogh-starry-night.jpg"), StyleInput("style-1.upload", 0.5)),
        get_recipe("photo").replace(size=300),
        regions=(region,),
    )
    job = job_of(request, content="it's me.jpg", style_1="--wave.png", mask_1="sky mask.png")
    told = job_as_code(job)
    words = shlex.split(told["command"])
    assert words[:5] == [
        "impasto", "paint", "it's me.jpg", "van-gogh-starry-night.jpg:1", "./--wave.png:0.5",
    ]  # fmt: skip
    assert "--region=sky=sky mask.png@--wave.png" in words
    assert words[-2:] == ["-o", "painting.png"]
    assert ".upload" not in told["command"] + told["python"]
    assert told["files"] == {
        "content": "it's me.jpg",
        "style-1": "--wave.png",
        "mask-1": "sky mask.png",
        "sample:van-gogh-starry-night": "van-gogh-starry-night.jpg",
    }


def test_what_no_command_says_is_a_program():
    request = TextureRequest((StyleInput("style-1.upload"),), (64, 64))
    told = job_as_code(job_of(request, style_1="a\u202e.png"))
    assert told["command"] is None
    assert "\u202e" not in told["python"]
    assert "texture.png" in told["python"]


def test_uploads_without_a_name_have_that_of_their_part():
    told = job_as_code(job_of(TextureRequest((StyleInput("style-1.upload"),), (64, 64))))
    assert told["command"].startswith("impasto texture style-1.png")
    assert told["files"] == {"style-1": "style-1.png"}


def test_it_is_served(client):
    job = client.job(stylize_request(size=64), content=PHOTO)
    told = client.get(f"/api/jobs/{job}/code").json
    assert (
        told["command"] == "impasto stylize '<b>.png' --style great-wave --size=64 -o painting.png"
    )
    assert told["files"] == {"content": "<b>.png"}
    client.end(job)
    job = client.job(paint_request(), content=PHOTO, style_1=PAINTING)
    told = client.get(f"/api/jobs/{job}/code").json
    assert told["files"] == {"content": "<b>.png", "style-1": "<b>-2.png"}
    assert "'<b>-2.png'" in told["python"]
    client.end(job)
    assert client.get("/api/jobs/nobody/code").status == 404
