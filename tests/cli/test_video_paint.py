"""``impasto video --paint``: frames by optimization from the command line, stops and mistakes."""

from __future__ import annotations

import json
from pathlib import Path

import av
import numpy as np
import pytest
from PIL import Image

import impasto
from helpers.clips import frame_times, make_clip
from helpers.painted_clips import paint_clip, start
from helpers.videos import texture
from impasto.cli.main import run
from impasto.errors import OptionError
from impasto.images.writing import write
from impasto.jobs.events import Planned, Progress
from impasto.jobs.requests import StyleInput, StylizeRequest
from impasto.jobs.video_request import VideoRequest
from impasto.recipes.recipe import Recipe
from impasto.runtime.interrupts import StepAbandoned
from impasto.video import painted_frames
from impasto.video.painted_frames import PaintedFrames

QUICK = ("--steps", "3", "--scales", "1", "--frame-steps", "2")


@pytest.fixture
def clip(tmp_path) -> Path:
    return make_clip(tmp_path / "clip.mp4", 4, size=(48, 64), sound=[("aac", 0.0)])


@pytest.fixture
def style(tmp_path) -> Path:
    write(tmp_path / "style.png", texture(48, 64, seed=5, blur=1.0))
    return tmp_path / "style.png"


@pytest.fixture
def video(clip, style, tmp_path, capsys):
    """Runs the command; its exit code, stdout and stderr."""

    def video(*words, output="out.mp4", name=style):
        command = ["video", str(clip), "--style", str(name), "-o", str(tmp_path / output)]
        code = run([*command, "--device", "cpu", *words])
        told = capsys.readouterr()
        return code, told.out, told.err

    return video


def request_for(clip: Path, style: Path, **changes) -> VideoRequest:
    picture = StylizeRequest(str(clip), (StyleInput(str(style)),))
    return VideoRequest(picture, recipe=Recipe(scales=1, steps=3), frame_steps=2, **changes)


def test_a_clip_is_painted_and_then_known(video, clip, tmp_path):
    code, out, err = video("--paint", *QUICK)
    assert (code, err) == (0, "")
    assert "out.mp4: 4 frames of 64×48 px in " in out
    assert frame_times(tmp_path / "out.mp4") == frame_times(clip)
    assert video("--paint", *QUICK)[1].endswith("is there already, painted in the same way\n")
    assert video("--paint", *QUICK, "--style-weight", "3")[0] == 2


def test_every_option_has_its_effect(video, tmp_path):
    choices = [
        (), ("--style-weight", "30"), ("--strength", "0.3"), ("--frame-steps", "4"),
        ("--paint-every", "2"), ("--steady", "0"), ("--recipe", "photo"),
    ]  # fmt: skip
    pictures = []
    for number, words in enumerate(choices):
        assert video("--paint", *QUICK, *words, output=f"f{number}")[0] == 0
        last = sorted((tmp_path / f"f{number}").iterdir())[-1]
        pictures.append(np.asarray(Image.open(last)).tobytes())
    assert len(set(pictures)) == len(choices)


def test_a_stopped_run_goes_on_to_the_same_file(clip, style, tmp_path, monkeypatch):
    monkeypatch.setitem(PaintedFrames.__init__.__kwdefaults__, "segment_frames", 2)
    request = request_for(clip, style)
    paint_clip(request, tmp_path / "whole.mp4")
    running = start(request, tmp_path / "stopped.mp4")
    for event in running:
        if isinstance(event, Planned):
            assert event.bytes > 1e6
        if isinstance(event, Progress) and event.number == 3:
            running.stop()
    assert running.result.frames == 2
    result, notes = paint_clip(request, tmp_path / "stopped.mp4", resume=True)
    assert notes[-1] == "goes on after 2 frames"
    assert result.recipe == request.recipe
    whole, stopped = ((tmp_path / f"{n}.mp4").read_bytes() for n in ("whole", "stopped"))
    assert whole == stopped


def test_a_frame_may_be_left_within(video, clip, style, tmp_path, monkeypatch):
    """As by Ctrl-C in a long step: what was kept stays, and without a frame there is nothing."""
    monkeypatch.setitem(PaintedFrames.__init__.__kwdefaults__, "segment_frames", 2)
    original = painted_frames.painter_of
    left: list[int] = []

    def leaves(settings, frame, regions=(), before=None, memory=None):
        if memory is not None:  # not only planned
            left.append(1)
            if len(left) > allowed:
                raise StepAbandoned
        return original(settings, frame, regions, before, memory)

    monkeypatch.setattr(painted_frames, "painter_of", leaves)
    allowed = 0
    code, out, _ = video("--paint", *QUICK)
    assert (code, out) == (130, "")
    assert sorted(path.name for path in tmp_path.iterdir()) == ["clip.mp4", "style.png"]
    allowed = 4  # the first run counts
    code, out, _ = video("--paint", *QUICK)
    assert code == 130
    assert "stopped, 2 frames of 4 kept; --resume continues" in out
    code, out, _ = video("--paint", *QUICK, "--resume")  # it is left in its first frame
    assert code == 130
    assert "stopped, 2 frames of 4 kept; --resume continues" in out
    allowed = 99
    assert video("--paint", *QUICK, "--resume")[0] == 0
    assert video("--paint", *QUICK, output="whole.mp4")[0] == 0
    assert (tmp_path / "whole.mp4").read_bytes() == (tmp_path / "out.mp4").read_bytes()


def test_regions_are_painted_and_kept(video, tmp_path):
    mask = np.zeros((48, 64), np.uint8)
    mask[:, :32] = 255
    Image.fromarray(mask).save(tmp_path / "mask.png")
    assert video("--paint", *QUICK, output="painted")[0] == 0
    words = ("--region", f"left={tmp_path / 'mask.png'}")
    assert video("--paint", *QUICK, *words, output="kept")[0] == 0
    assert video("--size", "64", "--strength", "0", "--paint", *QUICK, output="none")[0] == 0
    paint, kept = (
        np.asarray(Image.open(sorted((tmp_path / name).iterdir())[-1]), float)
        for name in ("painted", "kept")
    )
    off = np.abs(paint - kept).mean((0, 2))
    assert off[:28].mean() > 2 * off[36:].mean()


@pytest.mark.parametrize(
    ("words", "told"),
    [
        (("--steps", "3"), "--steps is of paintings by optimization: add --paint"),
        (("--recipe", "photo"), "--recipe is of paintings by optimization: add --paint"),
        (("--paint-every", "3"), "--paint-every is of paintings by optimization: add --paint"),
        (("--paint", "--at", "1s=@0.5"), "leave out --at or --paint"),
        (("--paint", "--frame-steps", "0"), "--frame-steps must be from 1"),
        (("--paint", "--recipe", "nonesuch"), "nonesuch"),
        (("--paint", "--size", "36"), "the short side must have at least"),
        (("--paint", "--style-scale", "0"), "--style-scale must be from 0.05"),
        (("--paint", "--steady", "2"), "--steady must be from 0 to 1"),
        (("--paint", "--memory", "300M", "--size", "256"), "--memory"),
    ],
)
def test_mistakes_are_one_sentence(video, tmp_path, words, told):
    code, out, err = video(*words)
    assert (code, out) == (2, "")
    assert told in err
    assert len(err.strip().splitlines()) == 1
    assert not (tmp_path / "out.mp4").exists()
    assert not (tmp_path / "out.mp4.checkpoint").exists()


def test_the_name_of_a_style_is_no_picture(video):
    code, _, err = video("--paint", name="great-wave")
    assert code == 2
    assert "great-wave is the name of a style, and --paint takes pictures" in err


def test_the_same_in_python(video, clip, style, tmp_path):
    recipe = Recipe(scales=1, steps=3, strength=0.7)
    made = impasto.stylize_video(
        clip, style, tmp_path / "python.mp4", recipe=recipe, frame_steps=2, device="cpu"
    )
    assert made.recipe == recipe
    assert made.request.picture.strength == 0.7
    assert video("--paint", *QUICK, "--strength", "0.7")[0] == 0
    frames = [images_of(tmp_path / name) for name in ("python.mp4", "out.mp4")]
    assert np.array_equal(*frames)
    with pytest.raises(OptionError, match="paint_every is of paintings by optimization"):
        impasto.stylize_video(clip, style, tmp_path / "none.mp4", paint_every=3)


def images_of(path: Path) -> np.ndarray:
    """The frames of a clip, in levels."""
    with av.open(str(path)) as container:
        return np.stack([f.to_ndarray(format="rgb24") for f in container.decode(video=0)])


def test_json(video):
    told = json.loads(video("--paint", *QUICK, "--json")[1])
    assert (told["frames"], told["finished"]) == (4, True)
