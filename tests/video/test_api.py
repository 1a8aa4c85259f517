"""``impasto.stylize_video``: a clip in one line of Python."""

from __future__ import annotations

import logging
from fractions import Fraction

import pytest

import impasto
from helpers.clips import frame_times, make_clip
from helpers.tiny_networks import fixed_styles
from impasto.jobs.events import Progress
from impasto.jobs.requests import StyleInput
from impasto.jobs.video_request import Keyframe


@pytest.fixture(scope="module")
def clip(tmp_path_factory):
    return make_clip(tmp_path_factory.mktemp("clip") / "clip.mp4", 4, size=(32, 48))


def test_one_line(clip, tmp_path):
    result = impasto.stylize_video(clip, "great-wave", tmp_path / "out.mp4", device="cpu")
    assert (result.path, result.frames, result.is_finished) == (tmp_path / "out.mp4", 4, True)
    assert frame_times(tmp_path / "out.mp4") == frame_times(clip)


def test_options_are_those_of_the_command(clip, tmp_path, caplog):
    seen = []
    with caplog.at_level(logging.WARNING):
        result = impasto.stylize_video(
            clip,
            ["great-wave", "scream"],
            tmp_path / "out.mkv",
            shares=[3, 1],
            at={0.08: "kiss@0.5"},
            size=36,
            end=0.1,
            steady=0.5,
            strength=0.75,
            crf=30,
            pixel_format="yuv444p",
            device="cpu",
            callback=seen.append,
        )
    assert caplog.messages == []
    assert [event.step for event in seen if isinstance(event, Progress)] == [1, 2, 3]
    request = result.request
    assert (request.end, request.steady, request.picture.strength) == (0.1, 0.5, 0.75)
    assert request.picture.styles == (StyleInput("great-wave", 3), StyleInput("scream", 1))
    assert request.keyframes == (Keyframe(0.08, (StyleInput("kiss"),), 0.5),)
    assert frame_times(tmp_path / "out.mkv") == [0, Fraction(1, 25), Fraction(2, 25)]
    assert result.tensor.shape[-2:] == (24, 36)


def test_a_model_in_memory(clip, tmp_path):
    model = fixed_styles("johnson", "a", "b")
    result = impasto.stylize_video(clip, "b", tmp_path / "frames", model=model, device="cpu")
    assert result.frames == 4
    assert len(list((tmp_path / "frames").iterdir())) == 4


def test_a_callback_stops_it_and_it_goes_on(tmp_path):
    clip = make_clip(tmp_path / "clip.mp4", 27, size=(32, 48))
    out = tmp_path / "out.mp4"

    def is_before_25(event):
        return not isinstance(event, Progress) or event.step < 25

    result = impasto.stylize_video(clip, "great-wave", out, device="cpu", callback=is_before_25)
    assert (result.is_finished, result.path, result.frames) == (False, None, 24)
    result = impasto.stylize_video(clip, "great-wave", out, device="cpu", resume=True)
    assert (result.is_finished, result.frames, result.painted) == (True, 27, 3)


@pytest.mark.parametrize(
    ("changes", "told"),
    [
        ({"speed": 2}, "Unknown option 'speed': choose one of "),
        ({"crf": "low"}, "crf takes a whole number, not 'low'."),
        ({"steady": 2}, "steady must be from 0 to 1, not 2"),
        ({"at": {-1: "scream"}}, "at takes a time, such as "),
        ({"at": {1: ""}}, "at takes TIME=STYLE"),
    ],
)
def test_mistakes(clip, tmp_path, changes, told):
    with pytest.raises(impasto.ImpastoError, match=told):
        impasto.stylize_video(clip, "great-wave", tmp_path / "out.mp4", device="cpu", **changes)
    assert list(tmp_path.iterdir()) == []


def test_the_clip_is_not_replaced(clip, tmp_path):
    before = clip.read_bytes()
    (tmp_path / "link.mp4").symlink_to(clip)
    for output in (clip, tmp_path / "link.mp4"):
        with pytest.raises(impasto.ImpastoError, match="is read and would be replaced"):
            impasto.stylize_video(clip, "great-wave", output, device="cpu")
    assert clip.read_bytes() == before
