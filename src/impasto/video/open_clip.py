"""Opens a clip of any kind: a video, an animation or a folder of frames."""

from __future__ import annotations

import math
from fractions import Fraction
from pathlib import Path

from impasto import images
from impasto.video.animation_file import ANIMATION_SUFFIXES, AnimationFile, begins_as_animation
from impasto.video.clip import Clip
from impasto.video.frame_folder import FOLDER_RATE, FrameFolder
from impasto.video.video_file import VideoFile


def open_clip(
    path: str | Path,
    *,
    rate: Fraction | None = None,
    exclude: Path | None = None,
    max_pixels: int = images.MAX_PIXELS,
    max_frames: float = math.inf,
) -> Clip:
    """A clip, open for reading.

    Args:
        path: A video, an animation (GIF, APNG, WebP) or a folder of frames.
        rate: Frames a second of a folder; others have their own times.
        exclude: A folder in a folder of frames that is left out.
        max_pixels: Larger frames are refused.
        max_frames: Animations and videos of which more frames are read are refused.

    Raises:
        InputDataError: If it cannot be read.
        OptionError: For a video, if PyAV is not installed.
    """
    path = Path(path)
    if path.is_dir():
        return FrameFolder(path, rate=rate or FOLDER_RATE, exclude=exclude, max_pixels=max_pixels)
    if path.suffix.lower() in ANIMATION_SUFFIXES or begins_as_animation(path):
        return AnimationFile(path, max_pixels=max_pixels, max_frames=max_frames)
    return VideoFile(path, max_pixels=max_pixels, max_frames=max_frames)
