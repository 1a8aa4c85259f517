"""Frames painted so that they do not flicker, and stay as sharp as single ones.

Each frame is painted by itself first. What differs from the painting before, although the clip does
not, is flicker:

- Normalization adapts to the frame. So its moments change slowly
  (:class:`~impasto.video.smoothed_moments.SmoothedMoments`).
- Detail is painted anew from what is noise to the eye. So the painting before is moved along the
  optical flow and kept, but for a small share, wherever the scene is the same
  (:mod:`~impasto.video.correspondence`).
- An average of paintings is soft. So its finest detail is kept as strong as that of a single one
  (:mod:`~impasto.video.detail`).

A cut begins anew. The flow is searched in a thread while the network paints.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field, replace
from functools import partial
from typing import TYPE_CHECKING

import torch
import torch.nn.functional as F
from torch import Tensor

from impasto.errors import OptionError, option
from impasto.metrics.temporal import sampling_grid
from impasto.runtime.background import start_in
from impasto.runtime.optional import require
from impasto.video.correspondence import Correspondence, find_correspondence, reduced
from impasto.video.cuts import CutDetector
from impasto.video.detail import with_detail_of
from impasto.video.frame import Frame
from impasto.video.painters import FrameByFrame, FramePainter
from impasto.video.smoothed_moments import SmoothedMoments

if TYPE_CHECKING:
    from impasto.jobs.video_request import VideoRequest

_MOST_FRAMES = 50.0
"""Frames that a painting lasts, about, where it is steadiest."""

_MOMENT_FRAMES = 2.0
"""Frames that moments are a mean of, about, where they are steadiest: more lag behind the scene."""

_OTHER_COLOUR = 0.25
"""Difference of two paintings, over a few pixels, at which 37 % of the older one is held."""

_COARSE = 8
"""Pixels each way over which two paintings are compared: strokes may differ, colours may not."""


@dataclass(frozen=True)
class _Painted:
    """A frame and its paintings.

    Attributes:
        image: The frame.
        fresh: Its painting by itself.
        shown: The painting that was returned.
        small: The frame at the size of flows.
    """

    image: Tensor = field(repr=False)
    fresh: Tensor = field(repr=False)
    shown: Tensor = field(repr=False)
    small: Tensor = field(repr=False)

    def beside(self, painted: Tensor) -> _Painted:
        """With its paintings on the device of another: a state that was read is on the CPU."""
        fresh, shown = self.fresh.to(painted.device), self.shown.to(painted.device)
        return replace(self, fresh=fresh, shown=shown)


class SteadyPainter:
    """Paints frames that do not flicker.

    A frame that is the same as the one before, painted in the same way, gives the same painting.

    Args:
        inner: Paints single frames.
        steady: 0 (as ``inner`` paints) to 1.
        moments: The filter of the moments that ``inner`` normalizes by; None if it has none.

    Attributes:
        segment_frames: See :class:`~impasto.video.painters.FramePainter`.

    Raises:
        OptionError: For another value of ``steady``, or if OpenCV is missing.
    """

    def __init__(
        self, inner: FramePainter, steady: float, moments: SmoothedMoments | None = None
    ) -> None:
        check_steady(steady)
        require("cv2", by=option("steady"), hint=f"{option('steady')} 0 needs none")
        self._inner, self._hold, self._moments = inner, held_share(steady), moments
        self.segment_frames = inner.segment_frames
        self._cuts = CutDetector()
        self._last: _Painted | None = None
        self._thread = ThreadPoolExecutor(1, "impasto-flow")

    def __call__(self, frame: Frame) -> Tensor:
        """The painted frame, (1, 3, H, W) in [0, 1]."""
        image, last = frame.image, self._last
        if last is not None and last.image.shape != image.shape:
            self.reset()
            last = None
        is_same = last is not None and torch.equal(last.image, image)
        small = last.small if last is not None and is_same else reduced(image)
        if not is_same and self._cuts(small):
            self._begin_scene()
            last = None
        search = None
        if last is not None and not is_same:
            work = partial(_search, last.small, small, frame.size)
            search = start_in(self._thread, work)
        fresh = self._paint(frame, is_same=is_same)
        if last is not None:
            last = last.beside(fresh)
        if last is None:
            shown = fresh
        elif search is not None:
            shown = self._held(last.shown, fresh, search.result())
        elif torch.equal(fresh, last.fresh):
            shown = last.shown
        else:  # the style has changed, and nothing else: so does the painting that is shown
            offset = last.shown - last.fresh
            shown = (fresh + self._hold * _agreement(last.fresh, fresh) * offset).clamp(0, 1)
        self._last = _Painted(image, fresh, shown, small)
        return shown

    def _paint(self, frame: Frame, *, is_same: bool) -> Tensor:
        if self._moments is not None:
            self._moments.is_frozen = is_same
        return self._inner(frame)

    def _held(self, before: Tensor, fresh: Tensor, found: Correspondence) -> Tensor:
        """The painting before, moved to this frame, where it holds; the fresh one elsewhere."""
        moved = moved_along(before, found.flow.to(fresh))
        weight = self._hold * found.trust.to(fresh) * _agreement(moved, fresh)
        mixed = torch.lerp(fresh, moved, weight)
        return with_detail_of(mixed, fresh, weight).clamp(0, 1)

    def _begin_scene(self) -> None:
        """Forget the frames of the scene before."""
        self._last = None
        if self._moments is not None:
            self._moments.reset()

    def reset(self) -> None:
        """See :class:`~impasto.video.painters.FramePainter`."""
        self._begin_scene()
        self._cuts.reset()
        self._inner.reset()

    def state(self) -> dict[str, Tensor]:
        """See :class:`~impasto.video.painters.FramePainter`."""
        state = {f"inner.{name}": value for name, value in self._inner.state().items()}
        state |= self._cuts.state()
        if self._moments is not None:
            state |= self._moments.state()
        if self._last is not None:
            last = self._last
            state |= {"image": last.image, "fresh": last.fresh, "shown": last.shown}
        return state

    def load_state(self, state: Mapping[str, Tensor]) -> None:
        """See :class:`~impasto.video.painters.FramePainter`."""
        inner = {k.removeprefix("inner."): v for k, v in state.items() if k.startswith("inner.")}
        self._inner.load_state(inner)
        self._cuts.load_state(state)
        if self._moments is not None:
            self._moments.load_state(state)
        self._last = None
        if "image" in state:
            image = state["image"]
            self._last = _Painted(image, state["fresh"], state["shown"], reduced(image))


def steady_painter(
    painter: FramePainter, request: VideoRequest, device: torch.device
) -> FramePainter:
    """A painter wrapped as the request asks for; see :data:`impasto.video.painters.PAINTERS`."""
    if request.recipe is not None:  # a painting by optimization holds the one before by itself
        check_steady(request.steady)
        return painter
    return steadied(painter, request.steady)


def steadied(painter: FramePainter, steady: float) -> FramePainter:
    """A painter that flickers less, and whose network normalizes by moments that change slowly.

    Args:
        painter: Paints single frames.
        steady: 0 (the painter as it is) to 1.

    Raises:
        OptionError: For another value, or if OpenCV is missing.
    """
    check_steady(steady)
    if not steady:
        return painter
    moments = None
    if isinstance(painter, FrameByFrame):
        moments = SmoothedMoments(1 - math.pow(_MOMENT_FRAMES, -steady))
        painter.filter_moments = moments
    return SteadyPainter(painter, steady, moments)


def check_steady(steady: float) -> None:
    """Raise an OptionError for a value outside 0 to 1."""
    if not 0 <= steady <= 1:
        raise OptionError(f"{option('steady')} is 0 to 1, not {steady:g}.")


def held_share(steady: float) -> float:
    """The share of a painting that is held from one frame to the next: 0 to 0.98.

    A painting lasts 50^steady frames.
    """
    return 1 - math.pow(_MOST_FRAMES, -steady)


def moved_along(picture: Tensor, flow: Tensor) -> Tensor:
    """A picture (1, 3, H, W) sampled along a flow (1, 2, H, W), by bicubic interpolation.

    Bilinear interpolation would blur it a little more at each frame.
    """
    return F.grid_sample(
        picture,
        sampling_grid(flow.to(picture), is_exact=False),
        mode="bicubic",
        padding_mode="border",
        align_corners=False,
    )


def _search(previous: Tensor, frame: Tensor, size: tuple[int, int]) -> Correspondence:
    with torch.inference_mode():  # which is a thread's own
        return find_correspondence(previous, frame, size)


def _agreement(moved: Tensor, fresh: Tensor) -> Tensor:
    """How far two paintings have the same colours, (1, 1, H, W) in [0, 1]."""
    difference = F.avg_pool2d(moved - fresh, _COARSE, ceil_mode=True, count_include_pad=False)
    agreement = (-(difference.abs().mean(1, keepdim=True) / _OTHER_COLOUR).square()).exp()
    size = (fresh.shape[-2], fresh.shape[-1])
    return F.interpolate(agreement, size, mode="bilinear")
