"""Moments of a network's maps, smoothed over the frames of a scene."""

from __future__ import annotations

from collections.abc import Mapping

import torch
from torch import Tensor

from impasto.networks.normalization import EPSILON, Moments

_OTHER, _WIDER = 1.0, 7.0
"""Difference of means, in deviations, and factor of variances, from which a map belongs to another
style."""


class SmoothedMoments:
    """A filter of moments (:data:`impasto.networks.normalization.MomentFilter`).

    Instance normalization divides by the moments of a whole frame. So a person who walks into the
    picture changes the colours of the wall behind, and noise makes every colour flicker. Here the
    moments follow those of the frames slowly: m ← m + share · (own − m), where the share is
    1 − hold, but no less than 1 / n at the n-th frame of a scene.

    A map whose own moments are far from the held ones takes its own: the style has changed.

    Args:
        hold: 0 (the frame's own) to below 1.

    Attributes:
        is_frozen: Whether the held moments are used as they are, for a frame that is the same as
            the one before.
    """

    def __init__(self, hold: float) -> None:
        self.hold = hold
        self.is_frozen = False
        self._held: dict[int, Moments] = {}
        self._frames: dict[int, int] = {}

    def __call__(self, number: int, moments: Moments) -> Moments:
        """The moments to normalize map ``number`` by."""
        held = self._held.get(number)
        if held is not None and held.mean.device != moments.mean.device:  # a state that was read
            held = self._held[number] = Moments(*(part.to(moments.mean.device) for part in held))
        if held is None or (not self.is_frozen and _is_other(held, moments)):
            self._held[number], self._frames[number] = moments, 1
        elif not self.is_frozen:
            self._frames[number] += 1
            share = max(1 - self.hold, 1 / self._frames[number])
            pairs = zip(held, moments, strict=True)
            self._held[number] = Moments(*(torch.lerp(old, own, share) for old, own in pairs))
        return self._held[number]

    def reset(self) -> None:
        """Forget earlier frames."""
        self._held.clear()
        self._frames.clear()

    def state(self) -> dict[str, Tensor]:
        """The held moments."""
        state = {}
        for number, moments in self._held.items():
            for name, value in moments._asdict().items():
                state[f"moments.{number}.{name}"] = value
            state[f"moments.{number}.frames"] = torch.tensor(self._frames[number])
        return state

    def load_state(self, state: Mapping[str, Tensor]) -> None:
        """Go on from a state."""
        numbers = {int(key.split(".")[1]) for key in state if key.startswith("moments.")}
        self._held = {
            number: Moments(*(state[f"moments.{number}.{name}"] for name in Moments._fields))
            for number in sorted(numbers)
        }
        self._frames = {number: int(state[f"moments.{number}.frames"]) for number in self._held}


def _is_other(held: Moments, own: Moments) -> bool:
    """Whether moments belong to another scene or style."""
    if held.mean.shape != own.mean.shape:
        return True
    before, now = _variance(held), _variance(own)
    moved = float((own.mean - held.mean).square().sum())
    return moved > _OTHER**2 * before or not 1 / _WIDER < now / before < _WIDER


def _variance(moments: Moments) -> float:
    """Of all channels together."""
    variance = (moments.square - moments.mean.square()).sum()
    return max(float(variance), EPSILON)
