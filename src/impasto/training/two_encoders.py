"""Losses that a network cannot satisfy by knowing one small encoder: two judges, at two scales.

A network that is trained and judged by one small encoder learns what that encoder does not see. So
strokes are judged by a large encoder's first layers, on a random window at full size and on the
whole picture at half the size. Content and composition are judged by the deep layers of another.
Both statistics of each layer count, its Gram matrix and its means and deviations.
"""

from __future__ import annotations

import copy
from collections.abc import Iterable, Mapping

import torch
import torch.nn.functional as F
from torch import Tensor

from impasto.encoders.protocol import Readout
from impasto.encoders.vgg import RAW, Encoder
from impasto.losses.moments import Summary
from impasto.losses.statistics import STATISTICS, style_loss
from impasto.networks.colour_map import recoloured
from impasto.objective.objective import Objective
from impasto.objective.readouts import SummaryPlan, plan_summary
from impasto.objective.terms import ContentTerm, Features, Term, TotalVariation, sum_by_term
from impasto.runtime.precision import compute_dtype
from impasto.training.crops import random_integer
from impasto.training.settings import OnePassSettings
from impasto.training.stroke_terms import (
    LatticeTerm,
    RangeTerm,
    SlicedPaletteTerm,
    WeaveTerm,
)
from impasto.training.terms import CheckerboardTerm, SmoothnessTerm

FULL, HALF = "full ", "half "
"""Prefixes of the layers of targets: of the style picture, and of it at half the size."""


class BroadSmoothnessTerm(SmoothnessTerm):
    """Evenness over cells of 32 px: shades across whole skies count, strokes in them do not."""

    CELL = 32
    LAGS = (1, 3)


class TwoEncoderLosses:
    """The losses of a batch of painted pictures.

    Args:
        fine: Judges strokes.
        deep: Judges content and composition.
        settings: How to train; ``two_encoders`` must be set.
        device: Where to compute; the encoders are copied there.

    Raises:
        OptionError: For layers that an encoder does not have.
    """

    def __init__(
        self, fine: Encoder, deep: Encoder, settings: OnePassSettings, device: torch.device
    ) -> None:
        assert settings.two_encoders is not None
        self._settings, self._own = settings, settings.two_encoders
        fine.check_layers(self._own.fine_layers)
        deep.check_layers([*self._own.deep_layers, *settings.content_layers])
        # The features before readouts, which repeat them in more channels: with those, training
        # followed composition before strokes.
        self._deep_layers = tuple(
            RAW + name if name in deep.readouts else name for name in self._own.deep_layers
        )
        dtype = compute_dtype(settings.precision, device.type)
        self._fine, self._deep = (copy.deepcopy(x).to(device, dtype) for x in (fine, deep))

    @torch.no_grad()
    def measure(self, styles: Tensor) -> dict[str, Summary]:
        """The targets of style pictures (B, 3, H, W): layer → means and Gram matrices."""
        own = self._own
        parts = (
            (FULL, self._fine, own.fine_layers, styles),
            (FULL, self._deep, self._deep_layers, styles),
            (HALF, self._fine, own.fine_layers, F.avg_pool2d(styles, 2)),
        )
        targets = {}
        for prefix, encoder, layers, pictures in parts:
            plans = _plans(layers, encoder.linear_readouts())
            features = encoder(pictures, [plan.source for plan in plans.values()])
            for name, plan in plans.items():
                summary = plan.summarize(features[plan.source], None)
                targets[prefix + name] = plan.finish(summary)
        return targets

    def __call__(
        self,
        painted: Tensor,
        contents: Tensor,
        styles: Tensor,
        targets: Mapping[str, Summary],
        generator: torch.Generator,
    ) -> dict[str, Tensor]:
        """Weighted loss by term.

        Args:
            painted: (B, 3, H, W), not clipped.
            contents: The photographs, of the same shape.
            styles: Colours of the styles, as pictures (B, 3, H', W').
            targets: From :meth:`measure`.
            generator: Chooses the window and the pixels that are looked at.
        """
        settings, own = self._settings, self._own
        painted, contents = (_continued(x, own.margin) for x in (painted, contents))
        with torch.no_grad():
            kept = self._deep(contents, settings.content_layers)
        whole: list[Term] = [
            ContentTerm(kept, layer_weights=settings.content_layers),
            self._style(targets, FULL, self._deep_layers, self._deep, own.deep_weight),
            TotalVariation(settings.tv_weight),
            RangeTerm(own.range_weight),
            SlicedPaletteTerm(styles, settings.palette_weight, generator),
            BroadSmoothnessTerm(contents, settings.even_weight),
            CheckerboardTerm(contents, settings.grid_weight),
            LatticeTerm(recoloured(contents, styles), own.lattice_weight),
        ]
        if own.weave_weight:
            whole.append(WeaveTerm(contents, own.weave_weight))
        views = (
            (painted, Objective(whole, self._deep)),
            (
                _window(painted, own.window, generator),
                Objective([self._style(targets, FULL, own.fine_layers, self._fine)], self._fine),
            ),
            (
                F.avg_pool2d(painted, 2),
                Objective(
                    [self._style(targets, HALF, own.fine_layers, self._fine, own.half_weight)],
                    self._fine,
                ),
            ),
        )
        losses: dict[str, Tensor] = {}
        for view, objective in views:
            for name, value in sum_by_term(objective(view)).items():
                losses[name] = losses[name] + value if name in losses else value
        return losses

    def _style(
        self, targets: Mapping[str, Summary], prefix: str, layers: tuple[str, ...],
        encoder: Encoder, weight: float = 1.0,
    ) -> StatisticsTerm:  # fmt: skip
        own = self._own
        share = weight / (len(own.fine_layers) + len(own.deep_layers))
        return StatisticsTerm(
            {layer: targets[prefix + layer] for layer in layers},
            {name: share * part for name, part in own.statistics.items()},
            encoder.linear_readouts(),
            soft=self._settings.soft,
        )


class StatisticsTerm:
    """Style: several statistics of the same features, which are summarized once.

    Args:
        targets: Layer → mean and Gram matrix.
        weights: Statistic → weight at each layer; each follows from mean and Gram matrix.
        readouts: See :class:`impasto.objective.terms.SummaryTerm`.
        soft: Whether a relative error x of a statistic at a layer counts as log(1 + x).
    """

    def __init__(
        self, targets: Mapping[str, Summary], weights: Mapping[str, float],
        readouts: Mapping[str, Readout], *, soft: bool,
    ) -> None:  # fmt: skip
        self._targets, self._weights, self._soft = targets, weights, soft
        self._plans = _plans(targets, readouts)

    @property
    def layers(self) -> tuple[str, ...]:
        """The layers of the targets, or the features before their readouts."""
        return tuple(plan.source for plan in self._plans.values())

    def __call__(self, features: Features) -> dict[str, Tensor]:
        """``style.LAYER`` → weighted loss."""
        losses = {}
        for name, plan in self._plans.items():
            found = plan.finish(plan.summarize(features[plan.source], None))
            parts = []
            for kind, weight in self._weights.items():
                statistic = STATISTICS[kind]
                assert statistic.from_moments is not None
                ours, theirs = (statistic.from_moments(x) for x in (found, self._targets[name]))
                error = style_loss(statistic, ours, theirs)
                parts.append(weight * (error.log1p() if self._soft else error).mean())
            losses[f"style.{name}"] = torch.stack(parts).sum()
        return losses


def _plans(layers: Iterable[str], readouts: Mapping[str, Readout]) -> dict[str, SummaryPlan]:
    statistic = STATISTICS["gaussian-ot"]  # its summary is the mean and the Gram matrix
    return {name: plan_summary(name, statistic, readouts.get(name)) for name in layers}


def _continued(pictures: Tensor, margin: int) -> Tensor:
    """Pictures with ``margin`` pixels of their mirror image on all sides."""
    margin = min(margin, pictures.shape[-2] - 1, pictures.shape[-1] - 1)
    return F.pad(pictures, (margin,) * 4, mode="reflect")


def _window(pictures: Tensor, side: int, generator: torch.Generator) -> Tensor:
    """A square window of pictures, at most ``side`` px each way, at a random place."""
    height, width = pictures.shape[-2:]
    side = min(side, height, width)
    top, left = (random_integer(length - side + 1, generator) for length in (height, width))
    return pictures[..., top : top + side, left : left + side]
