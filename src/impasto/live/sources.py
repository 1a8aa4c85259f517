"""Where live pictures come from: a camera, or a clip that plays at its own pace.

A source is read in a thread that keeps nothing but the newest picture. So a painter that is too
slow drops pictures, and never lags behind.
"""

from __future__ import annotations

import contextlib
import threading
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from fractions import Fraction
from typing import Any, TypeAlias

import torch
from torch import Tensor

from impasto.errors import InputDataError, OptionError, option
from impasto.images.picture import resize
from impasto.runtime.optional import require
from impasto.video.clip import Clip

_WAIT_SECONDS = 5.0
"""How long a camera may take for its next picture."""

Reader: TypeAlias = Callable[[tuple[int, int]], Tensor]
"""(height, width) → the picture at that size, (1, 3, H, W) in [0, 1]."""


@dataclass(frozen=True)
class Taken:
    """A picture of a source.

    Attributes:
        read: Converts it.
        seconds: When it was taken, from the beginning.
        number: Of the picture, from 0; numbers that are missing were dropped.
    """

    read: Reader = field(repr=False)
    seconds: float
    number: int


@dataclass(frozen=True)
class LiveSource:
    """A camera, or what stands in for one.

    Attributes:
        name: For messages.
        size: Height and width of its pictures.
        pictures: Waits for each picture, in the thread alone; ends with the source.
        close: Gives it back, after the thread has ended.
    """

    name: str
    size: tuple[int, int]
    pictures: Iterator[Reader] = field(repr=False)
    close: Callable[[], None] = field(repr=False)


class Newest:
    """The newest picture of a source, which is read in a thread until it is closed."""

    def __init__(self, source: LiveSource) -> None:
        self._source = source
        self._changed = threading.Condition()
        self._taken: Taken | None = None
        self._error: BaseException | None = None
        self._ended = self._stopped = False
        self._thread = threading.Thread(target=self._run, name="impasto-live", daemon=True)
        self._thread.start()

    def _run(self) -> None:
        started, error = time.perf_counter(), None
        try:
            for number, read in enumerate(self._source.pictures):
                with self._changed:
                    if self._stopped:
                        break
                    self._taken = Taken(read, time.perf_counter() - started, number)
                    self._changed.notify()
        except BaseException as problem:
            error = problem
        with self._changed:
            self._error, self._ended = error, True
            self._changed.notify()

    def take(self, after: int = -1, seconds: float = _WAIT_SECONDS) -> Taken | None:
        """Wait for a picture with a number above ``after``; None when the source has ended.

        Raises:
            InputDataError: If none came for so many seconds, or the source failed.
        """
        with self._changed:
            self._changed.wait_for(lambda: self._ended or self._has(after), seconds)
            if self._has(after):
                return self._taken
            if self._error is not None:
                raise self._error
            if self._ended:
                return None
        raise InputDataError(f"{self._source.name} has given no picture for {seconds:g} seconds.")

    def _has(self, after: int) -> bool:
        return self._taken is not None and self._taken.number > after

    def close(self) -> None:
        """End the thread, and give the source back."""
        with self._changed:
            self._stopped = True
        self._thread.join(_WAIT_SECONDS)
        if not self._thread.is_alive():
            self._source.close()


def clip_source(clip: Clip, *, repeat: bool = False) -> LiveSource:
    """A clip that plays at its own pace, as a camera would.

    Args:
        clip: The clip.
        repeat: Whether it begins anew at its end.
    """
    return LiveSource(str(clip.info.path), clip.info.size, _played(clip, repeat), clip.close)


def _played(clip: Clip, repeat: bool) -> Iterator[Reader]:
    while True:
        started, first = time.perf_counter(), None
        for shown in clip.shown():
            first = shown.pts if first is None else first
            due = started + float(shown.pts - first)
            time.sleep(max(0.0, due - time.perf_counter()))
            image, _ = shown.read()  # a clip may reuse what it was decoded into

            def read(size: tuple[int, int], image: Tensor = image) -> Tensor:
                return resize(image, size).clamp(0, 1)

            yield read
        if first is None:
            raise InputDataError(f"{clip.info.path} has no frames.")
        if not repeat:
            return
        time.sleep(float(Fraction(1) / clip.info.rate))


def camera_source(number: int, size: tuple[int, int] | None = None) -> LiveSource:
    """A camera.

    Args:
        number: Of the camera, from 0.
        size: Height and width to ask it for; its own by default.

    Raises:
        OptionError: If there is no such camera, or OpenCV is missing.
    """
    cv2 = require("cv2", by=option("camera"))
    if number < 0:
        raise OptionError(f"{option('camera')} is 0 or more, not {number}.")
    with contextlib.suppress(AttributeError):  # what it prints says less than our sentence
        cv2.utils.logging.setLogLevel(cv2.utils.logging.LOG_LEVEL_SILENT)
    camera = cv2.VideoCapture(number)
    if not camera.isOpened():
        raise OptionError(
            f"There is no camera {number}, or another program has it: give another "
            f"{option('camera')}, or a clip by {option('source')}."
        )
    if size is not None:
        camera.set(cv2.CAP_PROP_FRAME_HEIGHT, size[0])
        camera.set(cv2.CAP_PROP_FRAME_WIDTH, size[1])
    camera.set(cv2.CAP_PROP_BUFFERSIZE, 1)
    own = (
        int(camera.get(cv2.CAP_PROP_FRAME_HEIGHT)),
        int(camera.get(cv2.CAP_PROP_FRAME_WIDTH)),
    )
    if min(own) < 1:
        camera.release()
        raise OptionError(f"Camera {number} gives no pictures: give another {option('camera')}.")
    return LiveSource(f"Camera {number}", own, _captured(cv2, camera), camera.release)


def _captured(cv2: Any, camera: Any) -> Iterator[Reader]:
    while True:
        is_read, levels = camera.read()  # (H, W, 3), blue first
        if not is_read:
            return

        def read(size: tuple[int, int], levels: Any = levels) -> Tensor:
            if levels.shape[:2] != size:
                levels = cv2.resize(levels, (size[1], size[0]), interpolation=cv2.INTER_AREA)
            levels = cv2.cvtColor(levels, cv2.COLOR_BGR2RGB)
            return torch.from_numpy(levels).permute(2, 0, 1)[None].float() / 255

        yield read
