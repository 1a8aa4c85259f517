"""Staged forward passes whose moments a test sees, or gives."""

from __future__ import annotations

from collections.abc import Sequence

from torch import Tensor

from impasto.networks.normalization import Moments, StagedForward, moments_of


def run_recorded(
    forward: StagedForward, given: Sequence[Moments] | None = None
) -> tuple[Tensor, list[Moments]]:
    """The result of a pass and the moments it was sent: the given ones, or each map's own."""
    sent: list[Moments] = []
    try:
        x = next(forward)
        while True:
            sent.append(moments_of(x) if given is None else given[len(sent)])
            x = forward.send(sent[-1])
    except StopIteration as end:
        return end.value, sent
