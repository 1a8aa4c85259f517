"""``impasto live``: with a clip for a camera and a fake virtual camera for a window."""

from __future__ import annotations

import json
import sys
from types import ModuleType, SimpleNamespace

import numpy as np
import pytest

from helpers.clips import make_clip
from impasto.cli.main import run
from impasto.live import session as session_module
from impasto.live.outputs import Both


@pytest.fixture
def clip(tmp_path):
    return make_clip(tmp_path / "clip.mp4", 12, size=(36, 64))


@pytest.fixture
def camera(monkeypatch):
    """pyvirtualcam, with what was sent to each camera."""
    sent = SimpleNamespace(frames=[], opened=[], closed=0)

    class Camera:
        def __init__(self, **options):
            if options["device"] == "/dev/null":
                raise RuntimeError("'v4l2loopback' backend: not a video output device")
            sent.opened.append(options)

        def send(self, levels):
            sent.frames.append(levels)

        def close(self):
            sent.closed += 1

    module = ModuleType("pyvirtualcam")
    module.Camera, module.PixelFormat = Camera, SimpleNamespace(RGB="rgb")
    monkeypatch.setitem(sys.modules, "pyvirtualcam", module)
    monkeypatch.delenv("DISPLAY", raising=False)
    monkeypatch.delenv("WAYLAND_DISPLAY", raising=False)
    return sent


def live(clip, *more):
    return run(
        ["live", "--source", str(clip), "--style", "great-wave", "--to", "/dev/video9", *more]
    )


def test_a_clip_is_painted_into_a_virtual_camera(clip, camera, capsys):
    assert live(clip, "--size", "48", "--json") == 0
    figures = json.loads(capsys.readouterr().out)
    assert (figures["width"], figures["height"]) == (48, 27)
    assert figures["frames"] + figures["dropped"] == 12
    assert figures["frames"] == len(camera.frames) >= 1
    assert camera.opened[0]["width"] == 64
    assert camera.opened[0]["height"] == 36
    assert camera.closed == 1
    assert {(f.shape, f.dtype) for f in camera.frames} == {((36, 64, 3), np.dtype("uint8"))}
    assert camera.frames[0].std() > 5


def test_the_size_is_measured_and_the_pace_told(clip, camera, capsys):
    assert live(clip, "--fps", "1", "--steady", "0") == 0
    captured = capsys.readouterr()
    assert "painted at 64×36 px in great-wave" in captured.err
    assert "frames/s at 64×36 px" in captured.out


def test_keys_change_what_is_painted(clip, camera, capsys, tmp_path, monkeypatch):
    keys = iter(["n", "-", "s", "f", "", "", "f", "p", "+", "x", "q"])
    shown = []

    def show(self, painted, status):
        shown.append((status.rpartition(",")[0], painted))
        return next(keys)

    monkeypatch.setattr(Both, "show", show)
    assert live(clip, "--size", "32", "--repeat", "--save-to", str(tmp_path)) == 0
    names = [name for name, _ in shown]
    assert names[0] == "great-wave"
    assert names[1] not in ("great-wave", "")
    assert names[2] == f"{names[1]} at 90%"
    assert names[-1] == "great-wave"
    frozen = [painted for _, painted in shown[4:7]]
    assert all(painted is frozen[0] for painted in frozen)
    assert shown[7][1] is not frozen[0]
    assert (tmp_path / "live-001.png").is_file()
    told = capsys.readouterr().err
    for text in ("frozen", "goes on", "saved"):
        assert text in told


def test_the_time_is_kept(clip, camera, capsys):
    assert live(clip, "--size", "32", "--repeat", "--seconds", "0.3", "--json") == 0
    assert json.loads(capsys.readouterr().out)["seconds"] < 5


def test_a_pace_that_is_not_held_makes_pictures_smaller(clip, camera, capsys, monkeypatch):
    monkeypatch.setattr(session_module, "choose_side", lambda *_, **__: 64)
    monkeypatch.setattr(session_module, "SIDES", (24, 40, 48))
    times = iter(np.arange(0, 1000, 0.2))
    monkeypatch.setitem(
        session_module.LiveSession.__init__.__kwdefaults__, "clock", lambda: next(times)
    )

    class Slow(session_module.Newest):
        def take(self, after=-1, seconds=5.0):
            taken = super().take(after, seconds)
            assert taken is not None
            return session_module.Taken(taken.read, taken.seconds, 3 * (after + 1))

        def _has(self, after):
            return self._taken is not None

    monkeypatch.setattr("impasto.cli.commands.live.Newest", Slow)
    assert live(clip, "--repeat", "--seconds", "60", "--steady", "0") == 0
    told = capsys.readouterr().err
    assert "painted at 48×27 px from now on" in told
    assert "painted at 40×22 px from now on" in told


@pytest.mark.parametrize(
    ("options", "message"),
    [
        (["--camera", "0"], "Give --camera or --source, not both."),
        (["--fps", "0"], "--fps is 1 to 240, not 0."),
        (["--fps", "nan"], "--fps is 1 to 240, not nan."),
        (["--seconds", "-1"], "--seconds is 0 or more, not -1."),
        (["--size", "0"], "--size is 1 or more, not 0."),
        (["--steady", "2"], "--steady is 0 to 1, not 2."),
        (["--save-to", "nowhere"], "--save-to nowhere is no folder: make it first."),
        (["--to", "/dev/null"], "--to /dev/null is no virtual camera that can be written"),
    ],
)
def test_bad_input_is_one_sentence(clip, camera, capsys, options, message):
    assert live(clip, *options) == 2
    captured = capsys.readouterr()
    assert message in captured.err
    assert len(captured.err.strip().splitlines()) == 1
    assert camera.frames == []


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["--style", "great-wave"], "There is no display for a window: name a virtual camera by"),
        ([], "Name a style: impasto live --style great-wave"),
        (["--style", "great-wave", "--no-window"], "--no-window needs --to"),
        (["--style", "no-such-style"], "no-such-style"),
    ],
)
def test_what_is_missing_is_one_sentence(clip, camera, capsys, arguments, message):
    assert run(["live", "--source", str(clip), *arguments]) == 2
    captured = capsys.readouterr()
    assert message in captured.err
    assert len(captured.err.strip().splitlines()) == 1


def test_a_missing_library_is_told(clip, capsys, monkeypatch):
    monkeypatch.setitem(sys.modules, "pyvirtualcam", None)
    assert live(clip) == 2
    assert "--to needs pyvirtualcam: pip install '.[live]'" in capsys.readouterr().err


def test_a_clip_that_is_none_is_told(tmp_path, camera, capsys):
    file = tmp_path / "clip.mp4"
    file.write_text("no clip")
    assert live(file) == 2
    assert "clip.mp4" in capsys.readouterr().err
