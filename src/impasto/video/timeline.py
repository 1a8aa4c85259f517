"""Styles and strengths over time: keyframes, and what is between them."""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Callable, Mapping, Sequence
from fractions import Fraction

import torch
from torch import Tensor

from impasto.jobs.video_request import Keyframe
from impasto.video.painters import Look

EASINGS: Mapping[str, Callable[[float], float]] = {
    "linear": lambda share: share,
    "smooth": lambda share: share * share * (3 - 2 * share),
    "hold": lambda share: 0.0,
}
"""Name → share of the time between two keyframes → share of the second one's look."""


class Timeline:
    """The look of a clip at every time.

    Args:
        keyframes: In the order of time; none: the same look all the time.
        vectors: Style vector of each keyframe; None where it has no styles of its own.
        vector: Of the clip's own styles, at 0 s unless a keyframe says otherwise; None if only
            regions have styles.
        strength: Of the clip, at 0 s unless a keyframe says otherwise.
        ease: One of :data:`EASINGS`.
    """

    def __init__(
        self,
        keyframes: Sequence[Keyframe],
        vectors: Sequence[Tensor | None],
        *,
        vector: Tensor | None,
        strength: float,
        ease: str,
    ) -> None:
        self._ease = EASINGS[ease]
        self._styles = [
            (keyframe.seconds, own)
            for keyframe, own in zip(keyframes, vectors, strict=True)
            if own is not None
        ]
        self._strengths = [(k.seconds, k.strength) for k in keyframes if k.strength is not None]
        # What is not set at the beginning begins as that of the clip.
        if self._styles and self._styles[0][0] > 0 and vector is not None:
            self._styles.insert(0, (0.0, vector))
        if self._strengths and self._strengths[0][0] > 0:
            self._strengths.insert(0, (0.0, strength))
        self._vector, self._strength = vector, strength

    def __call__(self, time: Fraction) -> Look:
        """The look at a time in seconds."""
        seconds = float(time)
        vector, strength = self._vector, self._strength
        if self._styles:
            first, second, share = _around([at for at, _ in self._styles], seconds, self._ease)
            vector = self._styles[first][1]
            if share:
                vector = torch.lerp(vector, self._styles[second][1], share)
        if self._strengths:
            first, second, share = _around([at for at, _ in self._strengths], seconds, self._ease)
            begin, end = self._strengths[first][1], self._strengths[second][1]
            strength = begin + share * (end - begin)
        return Look(vector, strength)


def _around(
    times: Sequence[float], seconds: float, ease: Callable[[float], float]
) -> tuple[int, int, float]:
    """The keyframes before and after a time, and the share of the second."""
    after = bisect_right(times, seconds)
    if after in (0, len(times)):
        only = 0 if after == 0 else len(times) - 1
        return only, only, 0.0
    begin, end = times[after - 1], times[after]
    return after - 1, after, ease((seconds - begin) / (end - begin))
