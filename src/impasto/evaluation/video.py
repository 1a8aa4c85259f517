"""Results that are frames of a film: their order, the flow of their contents, how steady they are.

The optical flow is that of OpenCV, which only this module imports.
"""

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
from impasto.evaluation.evaluator import as_judged
from impasto.evaluation.matching import Match, brought_to
from impasto.metrics.edges import luma
from impasto.metrics.temporal import WARPING, WARPING_CONTENT, warping_error
from impasto.runtime.optional import require

TEMPORAL = option("temporal")

LEAST_SIDE = 16
"""Pixels that a frame needs each way: the flow is found by patches of 8×8."""


@dataclass(frozen=True)
class _Frame:
    result: Path
    painted: Tensor
    content: Tensor


class Film:
    """The warping error of results, each a frame that follows on the one before it in its folder.

    Args:
        frames: Method and path of each result, in the order of :func:`in_order`.
        size: The most that frames have as their long side, in pixels.
        max_pixels: Larger pictures are refused.

    Raises:
        OptionError: If OpenCV is missing.
        InputDataError: For a method without two frames in one folder.
    """

    def __init__(
        self,
        frames: Sequence[tuple[str, Path]],
        *,
        size: int = 512,
        max_pixels: int = images.MAX_PIXELS,
    ) -> None:
        require("cv2", by=TEMPORAL)
        pairs = [pair for pair in pairwise(frames) if _follow(*pair)]
        methods = {method for (method, _), _ in pairs}
        for method, _ in frames:
            if method not in methods:
                raise InputDataError(
                    f"{method} has no two frames in one folder: {TEMPORAL} compares each frame with "
                    "the one before it, so name a folder of frames or leave it out."
                )
        self._before = {path: before for (_, before), (_, path) in pairs}
        self._size, self._max_pixels = size, max_pixels
        self._last: _Frame | None = None

    @torch.no_grad()
    def __call__(self, result: Path, match: Match) -> dict[str, float]:
        """The warping error of one frame and that of its content, a reference.

        None for a film's first frame, nor if the frame before was not the last one given, nor if
        nothing of it is to be seen in this one.

        Raises:
            ImageError: For pictures that cannot be read, are too small, or do not fit together.
        """
        painted = as_judged(result, self._size, self._max_pixels)
        height, width = painted.size
        if min(height, width) < LEAST_SIDE:
            raise ImageError(
                f"{result} is judged at {width}×{height} px: {TEMPORAL} needs at least "
                f"{LEAST_SIDE} px each way."
            )
        photo = images.read(match.content, max_pixels=self._max_pixels)
        content = brought_to(photo, painted.size)
        frame, last = _Frame(result, painted.tensor, content.tensor), self._last
        if last is None or last.result != self._before.get(result):
            self._last = frame
            return {}
        if last.painted.shape != frame.painted.shape:
            rows, columns = last.painted.shape[-2:]
            raise ImageError(
                f"{result} is {width}×{height} px and {last.result.name} before it "
                f"{columns}×{rows} px: make all frames of a film the same size, or leave out "
                f"{TEMPORAL}."
            )
        self._last = frame
        flows = flow(last.content, frame.content), flow(frame.content, last.content)
        figures = {
            WARPING: float(warping_error(frame.painted, last.painted, *flows)),
            WARPING_CONTENT: float(warping_error(frame.content, last.content, *flows)),
        }
        return {name: value for name, value in figures.items() if not math.isnan(value)}


def in_order(frames: Sequence[tuple[str, Path]]) -> list[tuple[str, Path]]:
    """The frames of every method as they follow each other: frame2 before frame10."""
    methods = list(dict.fromkeys(method for method, _ in frames))
    return sorted(frames, key=lambda frame: (methods.index(frame[0]), *_natural(frame[1])))


def flow(first: Tensor, second: Tensor) -> Tensor:
    """How far what the first picture shows at each pixel lies in the second: (1, 2, H, W), in px.

    Dense inverse search, Kroeger, Timofte, Dai & Van Gool 2016, arXiv:1603.03590, as OpenCV has it
    with its preset "medium"; from the luma in 256 levels.

    Args:
        first: (1, 3, H, W), sRGB in [0, 1], ``LEAST_SIDE`` or more each way.
        second: Of the same shape.

    Returns:
        To the right and down.

    Raises:
        OptionError: If OpenCV is missing.
    """
    cv2 = require("cv2", by=TEMPORAL)
    search = cv2.DISOpticalFlow_create(cv2.DISOPTICAL_FLOW_PRESET_MEDIUM)
    grey = [(luma(picture)[0, 0] * 255).round().byte().numpy() for picture in (first, second)]
    threads = cv2.getNumThreads()
    cv2.setNumThreads(1)  # it searches as many strips as there are threads, and they differ
    try:
        found = search.calc(*grey, None)  # (H, W, 2)
    finally:
        cv2.setNumThreads(threads)
    return torch.from_numpy(found).permute(2, 0, 1)[None]


def _follow(one: tuple[str, Path], other: tuple[str, Path]) -> bool:
    """Whether the other is the frame after the one: of the same method, in the same folder."""
    return one[0] == other[0] and one[1].parent == other[1].parent


def _natural(path: Path) -> tuple[str, list[str | int], str]:
    """What sorts paths by the numbers in their names."""
    parts = re.split(r"(\d+)", path.stem)  # text, digits, text, …
    numbered = [int(part) if place % 2 else part for place, part in enumerate(parts)]
    return str(path.parent), numbered, path.name
