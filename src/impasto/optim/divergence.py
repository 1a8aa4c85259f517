"""Recovery from steps whose loss diverges or is not finite."""

from __future__ import annotations

import math
from typing import Any

from torch import Tensor

from impasto.errors import ImpastoError, option
from impasto.optim.interface import Losses, Optimizer, all_finite


class DivergenceGuard:
    """Restores the last good picture after a step that diverged, and halves the step size.

    One guard serves all sizes of a painting: it reports a divergence only once, and a reduced step
    size stays reduced.

    Attributes:
        is_retrying: Whether a step has diverged and is being made again.
    """

    # The loss of Adam may rise at first from a flat start, but not a thousandfold. Near a perfect
    # fit a rise is only rounding, so all losses below a thousandth of the first are accepted.
    _MAX_RISE = 1e3
    _RETRIES = 8

    def __init__(self) -> None:
        self._first = self._best = math.inf
        self._last_good: Tensor | None = None
        self._halvings = 0
        self._reported = False
        self.is_retrying = False

    def step(self, optimizer: Optimizer) -> tuple[Losses, str]:
        """One step that did not diverge: its losses, and a note for the user or an empty string.

        Raises:
            ImpastoError: If the loss is not finite for any step size.
        """
        note = ""
        for attempt in range(self._RETRIES):
            start = optimizer.pixels.clone()
            losses = optimizer.step()
            total = sum(losses.values())
            if self._is_good(total, optimizer.pixels):
                self._first = total if self._last_good is None else self._first
                self._best = min(self._best, total)
                self._last_good = start
                self.is_retrying = False
                return losses, note
            self.is_retrying = True
            # Adam evaluates a picture only in the step after the one that made it: if a restart
            # from there fails too, go back to the start of the last good step.
            optimizer.restart(start if attempt == 0 or self._last_good is None else self._last_good)
            self._halvings += 1
            if not self._reported:
                note = f"The loss became {total:.3g}; went back and halved the step."
                self._reported = True
        raise ImpastoError(
            "The loss is not finite however small the step: check the pictures and the weights "
            f"for extreme values, or use {option('precision')} float32."
        )

    def start_stage(self, optimizer: Optimizer) -> None:
        """Continue with the new optimizer of another size, whose losses are not comparable."""
        self._first = self._best = math.inf
        self._last_good = None
        for _ in range(self._halvings):
            optimizer.restart(optimizer.pixels)

    def state_dict(self) -> dict[str, Any]:
        """Everything that the next step is judged by."""
        return {
            "first": self._first,
            "best": self._best,
            "good": self._last_good,
            "halvings": self._halvings,
            "told": self._reported,
        }

    def load_state_dict(self, state: dict[str, Any]) -> None:
        """Restore what :meth:`state_dict` returned."""
        self._first, self._best = float(state["first"]), float(state["best"])
        self._last_good = state["good"]
        self._halvings, self._reported = int(state["halvings"]), bool(state["told"])

    def _is_good(self, total: float, pixels: Tensor) -> bool:
        is_finite = math.isfinite(total) and all_finite(pixels)
        limit = max(self._MAX_RISE * self._best, self._first / self._MAX_RISE, 1e-30)
        return is_finite and total <= limit
