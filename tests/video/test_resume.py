"""A run that is stopped in any way goes on to the same file, to the bit."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import threading
import time
from pathlib import Path

import pytest

from helpers.clips import make_clip
from helpers.painted_clips import STYLE, paint_clip, request_for, start
from impasto.errors import ImpastoError, InputDataError
from impasto.jobs.checkpoints import checkpoint_path
from impasto.jobs.events import Finished, Preview, Progress
from impasto.video.painters import FrameByFrame

FRAMES, SEGMENT = 10, 3


@pytest.fixture
def clip(tmp_path) -> Path:
    return make_clip(tmp_path / "clip.mp4", FRAMES, size=(32, 48), sound=[("aac", 0.0)])


@pytest.fixture(autouse=True)
def short_segments(monkeypatch):
    monkeypatch.setitem(FrameByFrame.__init__.__kwdefaults__, "segment_frames", SEGMENT)


@pytest.mark.parametrize("name", ["out.mp4", "out.mkv", "out.gif", "frames"])
def test_it_goes_on_to_the_same_file(clip, tmp_path, name):
    whole, stopped = tmp_path / "whole" / name, tmp_path / "stopped" / name
    paint_clip(request_for(clip), whole)
    running = start(request_for(clip), stopped)
    for event in running:
        if isinstance(event, Progress) and event.number == 2 * SEGMENT + 1:
            running.stop()
        last = event
    assert isinstance(last, Finished)
    assert last.is_resumable
    assert not running.result.is_finished
    assert running.result.frames == 2 * SEGMENT
    if name != "frames":
        assert not stopped.exists()
    result, notes = paint_clip(request_for(clip), stopped, resume=True)
    assert notes[-1] == f"goes on after {2 * SEGMENT} frames"
    assert (result.frames, result.painted) == (FRAMES, FRAMES - 2 * SEGMENT)
    assert _content(stopped) == _content(whole)
    assert [p.name for p in stopped.parent.iterdir()] == [name]


def _content(path: Path) -> dict[str, bytes]:
    files = sorted(path.iterdir()) if path.is_dir() else [path]
    return {file.name: file.read_bytes() for file in files}


def test_closing_a_run_leaves_no_thread_and_no_file(clip, tmp_path):
    before = set(threading.enumerate())
    out = tmp_path / "out.mp4"
    running = start(request_for(clip), out, preview_seconds=0.0)
    events = [next(running) for _ in range(4)]
    assert any(isinstance(event, Preview) for event in events)
    running.close()
    deadline = time.monotonic() + 10
    while not set(threading.enumerate()) <= before and time.monotonic() < deadline:
        time.sleep(0.05)
    assert set(threading.enumerate()) <= before
    assert not out.exists()


def test_segments_of_another_request_are_refused(clip, tmp_path):
    out = tmp_path / "out.mp4"
    running = start(request_for(clip), out)
    for event in running:
        if isinstance(event, Progress) and event.number == SEGMENT + 1:
            running.stop()
    with pytest.raises(InputDataError, match="is from a clip painted in another way"):
        paint_clip(request_for(clip, fps=5), out, resume=True)
    assert checkpoint_path(out).is_dir()  # it is not lost
    paint_clip(request_for(clip), out, resume=True)
    assert not checkpoint_path(out).exists()


def test_nothing_to_go_on_from_is_said(clip, tmp_path):
    out = tmp_path / "out.mp4"
    _, notes = paint_clip(request_for(clip, end=0.1), out, resume=True)
    assert notes == [f"There is nothing to go on from for {out}: starting anew."]


def test_a_full_disk_keeps_the_segments(clip, tmp_path, monkeypatch):
    out = tmp_path / "out.mp4"

    def fail(*_):
        raise ImpastoError("The disk is full.")

    with monkeypatch.context() as patched:
        patched.setattr("impasto.video.outputs.write_video", fail)
        with pytest.raises(ImpastoError, match="The disk is full"):
            paint_clip(request_for(clip), out)
    assert not out.exists()
    result, _ = paint_clip(request_for(clip), out, resume=True)
    assert (result.frames, result.painted) == (FRAMES, 0)
    assert out.is_file()


@pytest.mark.slow
@pytest.mark.parametrize("number", [signal.SIGKILL, signal.SIGTERM, signal.SIGINT])
def test_signals(tmp_path, number):
    clip = make_clip(tmp_path / "clip.mp4", 60, size=(32, 48), sound=[("aac", 0.0)])
    out, whole = tmp_path / "out.mp4", tmp_path / "whole.mp4"
    words = [sys.executable, "-m", "impasto", "video", str(clip), "--style", STYLE]
    words += ["--device", "cpu", "-o"]
    subprocess.run([*words, str(whole), "--quiet"], check=True)
    process = subprocess.Popen([*words, str(out)], stderr=subprocess.PIPE, text=True)
    segments = checkpoint_path(out)
    while not list(segments.glob("*.safetensors")) and process.poll() is None:
        time.sleep(0.01)
    os.kill(process.pid, number)
    _, told = process.communicate(timeout=120)
    assert process.returncode == (-number if number == signal.SIGKILL else 130), told
    assert not out.exists()
    subprocess.run([*words, str(out), "--resume", "--quiet"], check=True)
    assert out.read_bytes() == whole.read_bytes()
