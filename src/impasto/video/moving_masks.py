"""Regions of a clip: by masks that stand still, or by clips of masks that move with it."""

from __future__ import annotations

import dataclasses
import os
from collections.abc import Iterator, Sequence
from fractions import Fraction
from pathlib import Path
from typing import Any

from torch import Tensor

from impasto import images
from impasto.errors import ImpastoError, OptionError
from impasto.images.picture import Picture
from impasto.jobs.requests import StylizeRequest
from impasto.onepass.stylizer import Stylizer
from impasto.regions.masks import read_grey_mask
from impasto.regions.regions import Region, complete, read_regions
from impasto.regions.specs import RegionSpec
from impasto.runtime.in_memory import name_of
from impasto.video.clip import Clip
from impasto.video.codecs import VIDEOS
from impasto.video.frame import Frame
from impasto.video.open_clip import open_clip

_MORE_VIDEOS = (".avi", ".mpg", ".mpeg", ".ts", ".mts", ".m2ts", ".wmv", ".flv", ".ogv", ".3gp")


class ClipRegions:
    """The regions of every frame.

    Args:
        request: With masks that are pictures, or clips.
        stylizer: Of the request.
        start: Seconds of the clip that become 0: masks that are clips begin there, too.
        max_pixels: Larger masks are refused.
        rate: Frames a second of a folder of masks.
    """

    def __init__(
        self,
        request: StylizeRequest,
        stylizer: Stylizer,
        *,
        start: Fraction,
        max_pixels: int,
        rate: Fraction,
    ) -> None:
        self._request, self._stylizer = request, stylizer
        self._max_pixels = max_pixels
        self.notes: list[str] = []
        self._moving: dict[int, _MaskClip] = {}
        for index, spec in enumerate(request.regions):
            if is_clip(spec.content_mask):
                clip = open_clip(Path(str(spec.content_mask)), rate=rate, max_pixels=max_pixels)
                self._moving[index] = _MaskClip(clip, start)
        for name in (request.mask, request.style_mask):
            if name is not None and is_clip(name):
                raise OptionError(
                    f"{name_of(name)} is a clip of labels: give each region a clip of its own in "
                    "black and white."
                )
        self._still: list[Region] | None = None
        self._last: tuple[Frame, Sequence[Region]] | None = None
        self._specs = list(request.regions)

    def __call__(self, frame: Frame) -> Sequence[Region]:
        """The regions of a frame; none if the request has none."""
        if not (self._request.regions or self._request.mask):
            return ()
        if self._last is None or self._last[0] is not frame:
            self._last = frame, self._of(frame)
        return self._last[1]

    def _of(self, frame: Frame) -> Sequence[Region]:
        if self._still is None:
            self._still = self._read(frame)
        if not self._moving:
            return self._still
        return self._moved(self._still, frame)

    def _read(self, frame: Frame) -> list[Region]:
        """All regions, with masks of the first frame."""
        request, stylizer = self._request, self._stylizer
        specs: list[Any] = list(self._specs)
        for index, clip in self._moving.items():
            mask = clip.at(frame.pts) or images.from_pixels(frame.image)
            # A mask may be black in some frames, so here it stands for all of them.
            white = Picture(mask.tensor.new_ones(mask.tensor.shape))
            specs[index] = dataclasses.replace(specs[index], content_mask=white)
        regions, notices = read_regions(
            Picture(frame.image),
            stylizer.pictures,
            mask=request.mask,
            style_mask=request.style_mask,
            regions=specs,
            blur=request.feather,
            max_pixels=self._max_pixels,
            style_names=stylizer.names,
            has_styles=bool(request.styles),
        )
        if not self._moving:
            self.notes = notices
        return regions

    def _moved(self, regions: Sequence[Region], frame: Frame) -> list[Region]:
        """The regions with the masks of a frame."""
        request, own = self._request, []
        for index, spec in enumerate(self._specs):
            found = next(region for region in regions if region.name == spec.name)
            own.append(dataclasses.replace(found, mask=self._mask(index, spec, frame)))
        return complete(own, frame.size, has_styles=bool(request.styles))

    def _mask(self, index: int, spec: RegionSpec, frame: Frame) -> Tensor:
        source: Any = spec.content_mask
        if index in self._moving:
            picture = self._moving[index].at(frame.pts)
            if picture is None or not picture.tensor.any():
                return frame.image.new_zeros((1, 1, *frame.size))
            source = picture
        mask, _ = read_grey_mask(
            source,
            frame.size,
            feather=self._request.feather * max(frame.size),
            max_pixels=self._max_pixels,
        )
        return mask

    def close(self) -> None:
        """Close the clips of masks."""
        for clip in self._moving.values():
            clip.close()


class _MaskClip:
    """The picture that a clip shows at rising times."""

    def __init__(self, clip: Clip, start: Fraction) -> None:
        self._clip, self._start = clip, start
        self._frames: Iterator[Any] | None = None
        self._now: Any = None
        self._next: Any = None

    def at(self, time: Fraction) -> Picture | None:
        """The picture shown at a time, the last one after the end; None before the first."""
        time += self._start
        if self._frames is None or (self._now is not None and time < self._now.pts):
            self._frames, self._now = self._clip.shown(time), None
            self._next = next(self._frames, None)
        while self._next is not None and self._next.pts <= time:
            self._now, self._next = self._next, next(self._frames, None)
        return None if self._now is None else Picture(self._now.read()[0])

    def close(self) -> None:
        self._clip.close()


def is_clip(source: object) -> bool:
    """Whether a mask is a clip: a folder of frames, a video, or an animation."""
    if not isinstance(source, str | Path):
        return False
    suffix = Path(source).suffix.lower()
    if os.path.isdir(source) or suffix in (*VIDEOS, *_MORE_VIDEOS):
        return True
    if suffix not in (".gif", ".webp", ".png", ".apng") or not os.path.isfile(source):
        return False
    try:
        clip = open_clip(source)
    except ImpastoError:
        return False
    clip.close()
    return True
