"""Cuts: where a clip goes on with another scene."""

from __future__ import annotations

from collections.abc import Mapping

import torch
import torch.nn.functional as F
from torch import Tensor

from impasto.images.picture import as_float

_GRID = 8
"""Cells of the frame each way, whose colours are compared."""

_LEVELS = 8
"""Levels of each colour in the histogram."""

_CUT = 0.35
"""Share of the pixels whose colour is in another bin of the histogram."""

_MOVED = 0.06
"""Mean difference of the cells: below it a change of exposure is no cut."""


class CutDetector:
    """Tells the first frame of each scene, from colours alone.

    A frame begins a scene if both its colours and their places differ from the frame before: a
    motion changes places only, a change of light changes both little at a time.
    """

    def __init__(self) -> None:
        self._previous: tuple[Tensor, Tensor] | None = None

    def __call__(self, frame: Tensor) -> bool:
        """Whether a frame (1, 3, H, W) in [0, 1] begins a scene; the first one does not."""
        seen, before = colour_summary(frame), self._previous
        self._previous = seen
        if before is None:
            return False
        histogram, cells = (float((a - b).abs().mean()) for a, b in zip(seen, before, strict=True))
        # Two histograms differ by at most 2 in the sum of all bins.
        return histogram * len(seen[0]) / 2 > _CUT and cells > _MOVED

    def reset(self) -> None:
        """Forget the frame before."""
        self._previous = None

    def state(self) -> dict[str, Tensor]:
        """What the answer for the next frame depends on."""
        if self._previous is None:
            return {}
        return dict(zip(("cuts.histogram", "cuts.cells"), self._previous, strict=True))

    def load_state(self, state: Mapping[str, Tensor]) -> None:
        """Go on from a state."""
        self._previous = None
        if "cuts.histogram" in state:
            self._previous = state["cuts.histogram"], state["cuts.cells"]


def colour_summary(frame: Tensor) -> tuple[Tensor, Tensor]:
    """Histogram of the colours (512,), which sums to 1, and means of cells (3, 8, 8).

    The histogram shares each colour among neighbouring bins, so that a little noise or light does
    not move it from one to another.
    """
    small = F.adaptive_avg_pool2d(as_float(frame).float(), (8 * _GRID, 8 * _GRID))
    cells = F.adaptive_avg_pool2d(small, _GRID)[0]
    place = small[0].flatten(1).clamp(0, 1) * (_LEVELS - 1)  # (3, pixels)
    levels = torch.arange(_LEVELS, device=place.device)[:, None, None]
    red, green, blue = (1 - (place - levels).abs()).clamp_min(0).unbind(1)  # (levels, pixels) each
    histogram = torch.einsum("ip,jp,kp->ijk", red, green, blue).flatten()
    return histogram / place.shape[1], cells
