"""Temporal stability of results that are frames of a video, by the flow of their contents."""

from __future__ import annotations

import math
import re
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path

import torch
from torch import Tensor

from impasto import images
from impasto.errors import ImageError, InputDataError, option
from impasto.evaluation.evaluator import read_result
from impasto.evaluation.matching import References, resize_to_result
from impasto.metrics.optical_flow import MIN_SIDE, optical_flow
from impasto.metrics.temporal import WARPING, WARPING_CONTENT, warping_error
from impasto.runtime.devices import CPU
from impasto.runtime.optional import require

TEMPORAL = option("temporal")


@dataclass(frozen=True)
class _Frame:
    path: Path
    result: Tensor
    content: Tensor


class VideoEvaluator:
    """Warping error of results, each a frame that follows the previous one of its folder.

    Args:
        frames: Method and path of each result, in the order of :func:`sort_frames`.
        size: Maximum long side of frames, in pixels.
        max_pixels: Refuse larger pictures.
        device: Where frames are compared; OpenCV estimates their flow on the CPU.

    Raises:
        OptionError: OpenCV is missing.
        InputDataError: A method has no two frames in one folder.
    """

    def __init__(
        self,
        frames: Sequence[tuple[str, Path]],
        *,
        size: int = 512,
        max_pixels: int = images.MAX_PIXELS,
        device: torch.device = CPU,
    ) -> None:
        require("cv2", by=TEMPORAL)
        pairs = [pair for pair in pairwise(frames) if _are_consecutive(*pair)]
        methods = {method for (method, _), _ in pairs}
        for method, _ in frames:
            if method not in methods:
                raise InputDataError(
                    f"{method} has no two frames in one folder: {TEMPORAL} compares each frame "
                    "with the previous one, so name a folder of frames or leave it out."
                )
        self._previous_path = {path: previous for (_, previous), (_, path) in pairs}
        self._size, self._max_pixels, self._device = size, max_pixels, device
        self._previous: _Frame | None = None

    @torch.no_grad()
    def __call__(self, result: Path, references: References) -> dict[str, float]:
        """Warping errors of a frame and of its content, the latter for comparison.

        Returns:
            Empty for the first frame of a folder, and if the last call was not for the previous
            frame. A value is missing if every pixel is occluded.

        Raises:
            ImageError: A picture cannot be read or is too small, or its size does not match.
        """
        picture = read_result(result, self._size, self._max_pixels)
        height, width = picture.size
        if min(height, width) < MIN_SIDE:
            raise ImageError(
                f"{result} is evaluated at {width}×{height} px: {TEMPORAL} needs at least "
                f"{MIN_SIDE} px on each side."
            )
        photo = images.read(references.content, max_pixels=self._max_pixels)
        content = resize_to_result(photo, picture.size)
        tensors = picture.tensor.to(self._device), content.tensor.to(self._device)
        frame, previous = _Frame(result, *tensors), self._previous
        if previous is None or previous.path != self._previous_path.get(result):
            self._previous = frame
            return {}
        if previous.result.shape != frame.result.shape:
            previous_height, previous_width = previous.result.shape[-2:]
            raise ImageError(
                f"{result} is {width}×{height} px and {previous.path.name} before it "
                f"{previous_width}×{previous_height} px: make all frames of a video the same size, "
                f"or leave out {TEMPORAL}."
            )
        self._previous = frame
        forward = optical_flow(previous.content, frame.content, by=TEMPORAL)
        backward = optical_flow(frame.content, previous.content, by=TEMPORAL)
        values = {
            WARPING: float(warping_error(frame.result, previous.result, forward, backward)),
            WARPING_CONTENT: float(
                warping_error(frame.content, previous.content, forward, backward)
            ),
        }
        return {name: value for name, value in values.items() if not math.isnan(value)}


def sort_frames(frames: Sequence[tuple[str, Path]]) -> list[tuple[str, Path]]:
    """Frames by method, folder and number: frame2 before frame10."""
    methods = list(dict.fromkeys(method for method, _ in frames))
    return sorted(frames, key=lambda frame: (methods.index(frame[0]), *_natural_key(frame[1])))


def _are_consecutive(first: tuple[str, Path], second: tuple[str, Path]) -> bool:
    """Whether two frames next to each other are of the same method and folder."""
    return first[0] == second[0] and first[1].parent == second[1].parent


def _natural_key(path: Path) -> tuple[str, list[str | int], str]:
    """Sort key that compares numbers in file names by value."""
    parts = re.split(r"(\d+)", path.stem)  # text, digits, text, …
    numbered = [int(part) if index % 2 else part for index, part in enumerate(parts)]
    return str(path.parent), numbered, path.name
