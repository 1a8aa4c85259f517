"""How a layer's summary is read: off what is handed out, or off the bare features below it.

A linear readout need not be made as a map to know its mean and its Gram matrix: those of W f + b
follow from those of f, at the cost of C × C numbers. On a CPU the maps are what takes the time.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from torch import Tensor

from impasto.encoders.vgg import BARE, Encoder
from impasto.losses.moments import Summary, affine_moments, mean_and_gram
from impasto.losses.statistics import Statistic

Readout = tuple[Tensor, Tensor]
"""W (C', C) and b (C'), see :meth:`impasto.Encoder.linear_readouts`."""


def readouts_of(encoder: object) -> dict[str, Readout]:
    """The linear readouts of an encoder, if its bare features may be read instead of its layers.

    Not of a subclass that hands out something else.
    """
    if not isinstance(encoder, Encoder) or type(encoder).forward is not Encoder.forward:
        return {}
    return encoder.linear_readouts()


@dataclass(frozen=True)
class Reading:
    """How a layer's summary is found.

    Attributes:
        source: The features asked of the encoder.
        summarize: Of them under a weight map: sums over positions if the statistic is a mean.
        finish: Makes it the statistic's summary of the layer.
    """

    source: str
    summarize: Callable[[Tensor, Tensor | None], Summary]
    finish: Callable[[Summary], Summary]


def reading(layer: str, statistic: Statistic, readout: Readout | None) -> Reading:
    """The quickest reading of a layer.

    Args:
        layer: As the encoder calls it.
        statistic: Whose summary is wished.
        readout: The layer's linear readout, if it has one.
    """
    from_moments = statistic.from_moments
    if readout is None or from_moments is None:
        return Reading(layer, statistic.summary, dict)
    weight, bias = readout

    def finish(moments: Summary) -> Summary:
        like = moments["gram"]
        return from_moments(affine_moments(moments, weight.to(like), bias.to(like)))

    return Reading(BARE + layer, mean_and_gram, finish)
