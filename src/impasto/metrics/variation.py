"""The total variation as a metric."""

from __future__ import annotations

from functools import partial

from impasto.losses.total_variation import total_variation
from impasto.metrics.registry import Metric

TV = Metric(
    partial(total_variation, kind="l1"),
    reference="",
    better="lower",
    about="total variation: Σ |difference of neighbours| / number of values",
    source="Rudin, Osher & Fatemi 1992, in its anisotropic form",
)
