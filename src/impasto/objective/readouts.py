"""Summaries of layers with a linear readout, computed from the features before the readout.

The mean and the Gram matrix of W f + b follow from those of f. So the readout's feature map, which
takes most of the time on a CPU, need not be computed; the remaining cost is that of C × C numbers.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from torch import Tensor

from impasto.encoders.protocol import Readout
from impasto.encoders.vgg import RAW
from impasto.losses.moments import Summary, affine_moments, mean_and_gram
from impasto.losses.statistics import Statistic


@dataclass(frozen=True)
class SummaryPlan:
    """How the summary of a layer is computed.

    Attributes:
        source: Layer to request from the encoder.
        summarize: (features, weight map) → intermediate summary: means over positions if the
            statistic is a mean.
        finish: Intermediate summary → the statistic's summary of the layer.
    """

    source: str
    summarize: Callable[[Tensor, Tensor | None], Summary]
    finish: Callable[[Summary], Summary]


def plan_summary(layer: str, statistic: Statistic, readout: Readout | None) -> SummaryPlan:
    """The fastest way to compute the summary of a layer.

    Args:
        layer: Name of the layer.
        statistic: Whose summary is computed.
        readout: The layer's linear readout (:meth:`impasto.Encoder.linear_readouts`), if any.
    """
    from_moments = statistic.from_moments
    if readout is None or from_moments is None:
        return SummaryPlan(layer, statistic.summary, dict)
    weight, bias = readout

    def finish(moments: Summary) -> Summary:
        like = moments["gram"]
        return from_moments(affine_moments(moments, weight.to(like), bias.to(like)))

    return SummaryPlan(RAW + layer, mean_and_gram, finish)
