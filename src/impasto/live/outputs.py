"""Where live pictures go: a window, whose keys are read, or a camera that other programs see."""

from __future__ import annotations

import os
import sys
from typing import Any, Protocol

import numpy as np
from torch import Tensor

from impasto.errors import OptionError, option
from impasto.images.picture import resize
from impasto.runtime.optional import require

_TITLE = "impasto live"


class LiveOutput(Protocol):
    """Shows pictures."""

    def show(self, painted: Tensor, status: str) -> str:
        """Show a picture (1, 3, H, W) in [0, 1]; the key that was pressed, or "".

        Args:
            painted: The picture.
            status: What is painted, and how fast.
        """
        ...

    def close(self) -> None:
        """Give it back."""
        ...


class Window:
    """A window of OpenCV, of the size of the source; it can be resized.

    Args:
        size: Height and width.

    Raises:
        OptionError: If there is no display, or this OpenCV has no windows.
    """

    def __init__(self, size: tuple[int, int]) -> None:
        self._cv2 = cv2 = require("cv2", by="A window")
        if not has_display():
            raise OptionError(
                f"There is no display for a window: name a virtual camera by {option('to')}, such "
                "as /dev/video9."
            )
        try:
            cv2.namedWindow(_TITLE, cv2.WINDOW_NORMAL | cv2.WINDOW_KEEPRATIO)
            cv2.resizeWindow(_TITLE, size[1], size[0])
        except cv2.error:
            raise OptionError(
                "This OpenCV has no windows: replace opencv-python-headless by opencv-python, or "
                f"name a virtual camera by {option('to')}."
            ) from None

    def show(self, painted: Tensor, status: str) -> str:
        """See :class:`LiveOutput`; the key of a window that was closed is ``q``."""
        cv2 = self._cv2
        cv2.imshow(_TITLE, cv2.cvtColor(as_levels(painted), cv2.COLOR_RGB2BGR))
        cv2.setWindowTitle(_TITLE, f"{_TITLE}: {status}")
        key = cv2.waitKey(1) & 0xFF
        if cv2.getWindowProperty(_TITLE, cv2.WND_PROP_VISIBLE) < 1:
            return "q"
        return {255: "", 27: "q"}.get(key, chr(key))

    def close(self) -> None:
        """Close the window."""
        self._cv2.destroyWindow(_TITLE)


class VirtualCamera:
    """A camera that other programs see, by pyvirtualcam: v4l2loopback, OBS or Unity Capture.

    Args:
        device: Its name, such as ``/dev/video9``.
        size: Height and width of its pictures.
        fps: Frames a second that it announces.

    Raises:
        OptionError: If it cannot be opened, or pyvirtualcam is not installed.
    """

    def __init__(self, device: str, size: tuple[int, int], fps: float) -> None:
        library = require("pyvirtualcam", by=option("to"))
        self._size = size
        try:
            self._camera = library.Camera(
                width=size[1], height=size[0], fps=fps, device=device,
                fmt=library.PixelFormat.RGB,
            )  # fmt: skip
        except Exception as error:  # of each backend its own
            reason = " ".join(str(error).split())
            raise OptionError(
                f"{option('to')} {device} is no virtual camera that can be written ({reason}): on "
                "Linux make one by `sudo modprobe v4l2loopback video_nr=9`, elsewhere start OBS."
            ) from None

    def show(self, painted: Tensor, status: str) -> str:
        """See :class:`LiveOutput`; it has no keys."""
        self._camera.send(as_levels(resize(painted, self._size)))
        return ""

    def close(self) -> None:
        """Close the camera."""
        self._camera.close()


class Both:
    """Several outputs as one.

    Args:
        outputs: The outputs.
    """

    def __init__(self, outputs: list[LiveOutput]) -> None:
        self._outputs = outputs

    def show(self, painted: Tensor, status: str) -> str:
        """See :class:`LiveOutput`; the last key of any."""
        keys = [output.show(painted, status) for output in self._outputs]
        return next(filter(None, reversed(keys)), "")

    def close(self) -> None:
        """Close all."""
        for output in self._outputs:
            output.close()


def has_display() -> bool:
    """Whether a window can be opened, as far as the system says."""
    if not sys.platform.startswith("linux"):
        return True
    return bool(os.environ.get("DISPLAY") or os.environ.get("WAYLAND_DISPLAY"))


def as_levels(picture: Tensor) -> Any:
    """A picture (1, 3, H, W) in [0, 1] as 256 levels, an array (H, W, 3)."""
    levels = (picture[0].clamp(0, 1) * 255).round().byte()
    return np.ascontiguousarray(levels.permute(1, 2, 0).cpu().numpy())
