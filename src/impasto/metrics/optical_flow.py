"""Optical flow by OpenCV: where each pixel of one picture went in the next."""

from __future__ import annotations

import threading
from typing import Any

import torch
from torch import Tensor

from impasto.metrics.edges import luma
from impasto.runtime.optional import require

SOURCE = "Kroeger, Timofte, Dai & Van Gool 2016, arXiv:1603.03590"

MIN_SIDE = 16
"""Minimum side of a picture in pixels: the flow is estimated from patches of 8×8."""

PRESETS = ("ultrafast", "fast", "medium")
"""OpenCV's sets of parameters, from the fastest to the finest."""

_one_thread = threading.Lock()
"""OpenCV's number of threads is common to the process."""


def optical_flow(
    first: Tensor, second: Tensor, *, by: str = "An optical flow", preset: str = "medium"
) -> Tensor:
    """Optical flow from the first picture to the second, (1, 2, H, W): right and down, in pixels.

    Dense inverse search, Kroeger, Timofte, Dai & Van Gool 2016, arXiv:1603.03590, on the luma in
    256 levels.

    Args:
        first: (1, 3, H, W), sRGB in [0, 1]; each side at least ``MIN_SIDE``.
        second: Same shape.
        by: What needs OpenCV, as the start of a sentence.
        preset: One of ``PRESETS``.

    Raises:
        OptionError: OpenCV is missing.
    """
    (flow,) = optical_flows([(first, second)], by=by, preset=preset)
    return flow


def optical_flows(
    pairs: list[tuple[Tensor, Tensor]], *, by: str = "An optical flow", preset: str = "medium"
) -> list[Tensor]:
    """Optical flows of several pairs of pictures, see :func:`optical_flow`."""
    cv2 = require("cv2", by=by)
    chosen = getattr(cv2, f"DISOPTICAL_FLOW_PRESET_{preset.upper()}")
    with _one_thread:
        threads = cv2.getNumThreads()
        cv2.setNumThreads(1)  # the flow depends on the number of threads
        try:
            # One that was used before starts from what it found.
            return [_flow(cv2.DISOpticalFlow_create(chosen), *pair) for pair in pairs]
        finally:
            cv2.setNumThreads(threads)


def _flow(search: Any, first: Tensor, second: Tensor) -> Tensor:
    grey = [(luma(picture)[0, 0] * 255).round().byte().cpu().numpy() for picture in (first, second)]
    flow = search.calc(*grey, None)  # (H, W, 2)
    return torch.from_numpy(flow).to(first.device).permute(2, 0, 1)[None]
