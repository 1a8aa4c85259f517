"""The request for a clip: times, keyframes, checks, JSON."""

from __future__ import annotations

import json

import pytest

from impasto.errors import OptionError
from impasto.jobs.request_json import to_json
from impasto.jobs.requests import StyleInput, StylizeRequest
from impasto.jobs.video_request import (
    Encoding,
    Keyframe,
    VideoRequest,
    parse_keyframes,
    parse_time,
)

PICTURE = StylizeRequest("clip.mp4", (StyleInput("wave"),))


@pytest.mark.parametrize(
    ("text", "seconds"),
    [("4", 4), ("4s", 4), ("2.5", 2.5), (".5s", 0.5), ("1:02", 62), ("1:02.5", 62.5),
     ("1:00:00", 3600), (" 3 ", 3)],
)  # fmt: skip
def test_times(text, seconds):
    assert parse_time(text, "start") == seconds


@pytest.mark.parametrize("text", ["", "soon", "-1", "1:2:3:4", "1e3", "nan", "4 s", "9999999"])
def test_what_is_no_time(text):
    with pytest.raises(OptionError, match="start"):
        parse_time(text, "start")


def test_keyframes():
    first, second, third = parse_keyframes(["0s=wave", "4=scream:2,kiss:1@0.5", "1:00=@.25"])
    assert first == Keyframe(0, (StyleInput("wave"),))
    assert second == Keyframe(4, (StyleInput("scream", 2.0), StyleInput("kiss", 1.0)), 0.5)
    assert third == Keyframe(60, (), 0.25)
    assert parse_keyframes([str(second)]) == (second,)
    assert parse_keyframes(["1=a@b.jpg"])[0].styles == (StyleInput("a@b.jpg"),)


def test_keyframes_are_put_in_order_and_count_as_styles(tmp_path):
    later, first = parse_keyframes(["4s=scream", "1s=kiss"])
    request = VideoRequest(PICTURE, keyframes=(later, first))
    assert request.keyframes == (first, later)
    assert [style.name for style in request.styles] == ["wave", "kiss", "scream"]
    assert request.files == ["clip.mp4", "wave", "kiss", "scream"]
    assert request.resized(64).picture.size == 64
    assert request.replace(fps=12).fps == 12.0


@pytest.mark.parametrize(
    ("changes", "told"),
    [
        ({"start": 2.0, "end": 1.0}, "end must be after start"),
        ({"fps": 2000.0}, "fps must be from 0 to 1000"),
        ({"ease": "cubic"}, "Unknown value of ease 'cubic'"),
        ({"keyframes": parse_keyframes(["1=a", "1s=b"])}, "Two keyframes of at have the same"),
    ],
)
def test_mistakes(changes, told):
    with pytest.raises(OptionError, match=told):
        VideoRequest(PICTURE, **changes)
    with pytest.raises(OptionError, match="crf must be from -1 to 63"):
        Encoding(crf=99)


def test_it_is_json_with_all_that_it_says():
    request = VideoRequest(PICTURE, end=4.0, keyframes=parse_keyframes(["1=kiss@0.5"]))
    told = json.loads(to_json(request))
    assert (told["kind"], told["end"]) == ("video", 4.0)
    assert told["picture"]["content"] == "clip.mp4"
    assert told["picture"]["styles"] == [{"source": "wave", "weight": None, "level": ""}]
    assert told["keyframes"][0]["styles"][0]["source"] == "kiss"
    assert told["keyframes"][0]["strength"] == 0.5
