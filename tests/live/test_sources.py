"""Sources of live pictures: the newest only, a clip at its own pace, a camera that is none."""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator
from fractions import Fraction

import numpy as np
import pytest
import torch

from impasto.errors import InputDataError, OptionError
from impasto.live import sources
from impasto.live.sources import LiveSource, Newest, camera_source, clip_source


def grey(level):
    return lambda size: torch.full((1, 3, *size), float(level))


class Steps:
    """A source whose pictures come when the test says so."""

    def __init__(self, count: int, error: Exception | None = None) -> None:
        self.count, self.error, self.closed = count, error, False
        self.allowed = threading.Semaphore(0)

    def pictures(self) -> Iterator:
        for number in range(self.count):
            self.allowed.acquire()
            yield grey(number)
        if self.error is not None:
            raise self.error

    def close(self) -> None:
        self.closed = True


def opened(steps: Steps) -> Newest:
    return Newest(LiveSource("test", (4, 6), steps.pictures(), steps.close))


def released(steps: Steps, newest: Newest, count: int, last: int) -> None:
    for _ in range(count):
        steps.allowed.release()
    deadline = time.monotonic() + 5
    while not newest._has(last - 1) and time.monotonic() < deadline:
        time.sleep(0.01)


def test_only_the_newest_picture_is_kept_and_the_others_are_counted():
    steps = Steps(6)
    newest = opened(steps)
    released(steps, newest, 1, 0)
    first = newest.take()
    assert (first.number, float(first.read((2, 2)).mean())) == (0, 0)
    released(steps, newest, 4, 4)
    second = newest.take(after=0)
    assert (second.number, float(second.read((2, 2)).mean())) == (4, 4)
    assert second.seconds >= first.seconds
    released(steps, newest, 1, 5)
    assert newest.take(after=4).number == 5
    assert newest.take(after=5) is None
    newest.close()
    assert steps.closed


def test_a_source_that_stops_answering_is_told():
    newest = opened(steps := Steps(1))
    with pytest.raises(InputDataError, match=r"test has given no picture for 0.1 seconds"):
        newest.take(seconds=0.1)
    steps.allowed.release()
    newest.close()


def test_an_error_of_the_source_is_raised_after_its_last_picture():
    newest = opened(steps := Steps(1, InputDataError("broken")))
    steps.allowed.release()
    assert newest.take().number == 0
    with pytest.raises(InputDataError, match="broken"):
        newest.take(after=0)
    newest.close()


class StillClip:
    """Four pictures, a twentieth of a second apart."""

    def __init__(self, count=4) -> None:
        from impasto.video.clip import ClipInfo, Shown

        self.info = ClipInfo("still", (20, 30), Fraction(20))
        self.problems, self.closed = [], False
        image = torch.rand(1, 3, 20, 30)
        self._shown = [
            Shown(Fraction(10 + n, 20), Fraction(1, 20), lambda: (image, None))
            for n in range(count)
        ]

    def shown(self, begin=Fraction(0)):
        return iter(self._shown)

    def close(self) -> None:
        self.closed = True


def test_a_clip_plays_at_its_own_pace_and_can_repeat():
    source = clip_source(clip := StillClip())
    assert source.size == (20, 30)
    started = time.perf_counter()
    pictures = [read((10, 15)) for read in source.pictures]
    assert 0.15 <= time.perf_counter() - started < 5
    assert [picture.shape for picture in pictures] == 4 * [(1, 3, 10, 15)]
    source.close()
    assert clip.closed
    repeated = clip_source(StillClip(), repeat=True).pictures
    assert len([next(repeated) for _ in range(6)]) == 6


def test_an_empty_clip_is_told():
    with pytest.raises(InputDataError, match="still has no frames"):
        next(clip_source(StillClip(0), repeat=True).pictures)


class FakeCamera:
    """What OpenCV returns: blue first, 8 bits."""

    def __init__(self, opens=True, size=(6, 8)) -> None:
        self.opens, self.size, self.left, self.asked = opens, size, 2, {}

    def isOpened(self):  # noqa: N802
        return self.opens

    def set(self, name, value):
        self.asked[name] = value

    def get(self, name):
        import cv2

        return float(self.size[0 if name == cv2.CAP_PROP_FRAME_HEIGHT else 1])

    def read(self):
        self.left -= 1
        levels = np.zeros((*self.size, 3), np.uint8)
        levels[..., 0] = 255
        return self.left >= 0, levels

    def release(self):
        self.opens = False


def test_a_camera_gives_red_first_and_the_size_asked_for(monkeypatch):
    import cv2

    camera = FakeCamera()
    monkeypatch.setattr(cv2, "VideoCapture", lambda number: camera)
    source = camera_source(2)
    assert (source.name, source.size) == ("Camera 2", (6, 8))
    pictures = [read((3, 4)) for read in source.pictures]
    assert len(pictures) == 2
    assert pictures[0].shape == (1, 3, 3, 4)
    assert pictures[0].mean((2, 3)).tolist() == [[0, 0, 1]]
    source.close()
    assert not camera.opens


@pytest.mark.parametrize(
    ("number", "camera", "message"),
    [
        (-1, FakeCamera(), "camera is 0 or more, not -1"),
        (7, FakeCamera(opens=False), "There is no camera 7"),
        (1, FakeCamera(size=(0, 0)), "Camera 1 gives no pictures"),
    ],
)
def test_a_camera_that_is_none_is_told(monkeypatch, number, camera, message):
    import cv2

    monkeypatch.setattr(cv2, "VideoCapture", lambda n: camera)
    with pytest.raises(OptionError, match=message):
        camera_source(number)


def test_sources_wait_no_longer_than_a_few_seconds():
    assert 1 <= sources._WAIT_SECONDS <= 10
