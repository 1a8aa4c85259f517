"""Terms: what may be wished of a picture.

A term says which layers it looks at and what it finds there. It holds its targets from birth: a
loss evaluated twice gives the same twice. Every term is a function of *sums over positions*, so it
can be asked in one go (``term(features)``) or tile by tile: ``term.sums`` of each tile, added, and
``term.losses`` of the total.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any, Protocol, TypeVar

import torch
import torch.nn.functional as F
from torch import Tensor

from impasto.errors import OptionError, option, unknown_name
from impasto.losses.content import CONTENT_NORMALIZATIONS, content_loss, squared_error
from impasto.losses.laplacian import POOL_SIZES, laplacian
from impasto.losses.moments import Summary, at_least_float32
from impasto.losses.statistics import get_statistic, mix, style_unit
from impasto.losses.total_variation import VARIATIONS, total_variation
from impasto.objective.readouts import Readout, reading
from impasto.objective.tiles import Tile, tile_summary

Features = Mapping[str, Tensor]
"""Layer name → (B, C, H, W); ``"image"`` → the picture itself."""

EncoderLike = Callable[[Tensor, Sequence[str]], Mapping[str, Tensor]]
"""Anything that maps (picture, layer names) to features, such as ``impasto.Encoder``."""

Strides = Mapping[str, int]
"""Layer name → pixels between its units."""


class Term(Protocol):
    """One wish about a picture."""

    @property
    def layers(self) -> tuple[str, ...]:
        """The layers that the term looks at; ``"image"`` needs none of the encoder."""
        ...

    def __call__(self, features: Features) -> dict[str, Tensor]:
        """Name → weighted loss, a scalar (the mean over the batch)."""
        ...


class TiledTerm(Term, Protocol):
    """A wish that can be asked tile by tile."""

    def check_tiles(self) -> None:
        """Raise OptionError if the term is no function of sums over positions."""
        ...

    def sums(self, features: Features, tile: Tile, strides: Strides) -> dict[str, Tensor]:
        """What one tile, whose features these are, adds to the sums."""
        ...

    def losses(self, sums: Mapping[str, Tensor]) -> dict[str, Tensor]:
        """Name → weighted loss, from the sums over all tiles."""
        ...


class ContentTerm:
    """Keep what is in the picture: the content's features at some layers.

    Args:
        targets: Layer → the content's features, (1 or B, C, H, W), as an encoder gives them.
        weight: Of the whole term.
        layer_weights: Layer → weight; equal shares that sum to one by default.
        normalization: See :func:`impasto.losses.content.content_loss`.
    """

    def __init__(
        self,
        targets: Features,
        *,
        weight: float = 1.0,
        layer_weights: Mapping[str, float] | None = None,
        normalization: str = "relative",
    ) -> None:
        if normalization not in CONTENT_NORMALIZATIONS:
            raise unknown_name("content normalization", normalization, CONTENT_NORMALIZATIONS)
        self._targets = {name: target.detach() for name, target in targets.items()}
        # All normalizations are linear in the error, so the factor depends on the target alone.
        self._scales = {
            name: share * _content_scale(self._targets[name], normalization)
            for name, share in _weights(tuple(targets), weight, layer_weights).items()
        }

    @property
    def layers(self) -> tuple[str, ...]:
        """The layers compared."""
        return tuple(self._targets)

    def __call__(self, features: Features) -> dict[str, Tensor]:
        """``content.LAYER`` → weighted loss."""
        return self.losses({n: squared_error(features[n], t) for n, t in self._targets.items()})

    def check_tiles(self) -> None:
        """Always possible."""

    def sums(self, features: Features, tile: Tile, strides: Strides) -> dict[str, Tensor]:
        """Squared errors of the tile's core, (B,)."""
        return {
            name: squared_error(
                tile.core(features[name], strides[name]), tile.part(target, strides[name])
            )
            for name, target in self._targets.items()
        }

    def losses(self, sums: Mapping[str, Tensor]) -> dict[str, Tensor]:
        """``content.LAYER`` → weighted loss."""
        return {f"content.{n}": (self._scales[n] * error).mean() for n, error in sums.items()}


class SummaryTerm:
    """Have the summaries wished at some layers: what a style term is when its styles are mixed.

    Args:
        targets: Layer → summary.
        statistic: Name in :data:`impasto.losses.statistics.STATISTICS`.
        weight: Of the whole term.
        layer_weights: Layer → weight; equal shares that sum to one by default.
        normalization: See :func:`impasto.losses.statistics.style_unit`.
        maps: Layer → where in the painted picture the style is wished, (1, 1, H, W) ≥ 0 of the
            layer's size; everywhere by default. The loss is that of the region's mean, so it is
            the same for a small region and a large one.
        soft: Whether x counts as log(1 + x) for each picture and layer, x being the loss before
            its weight: nearly the same where x is small, but no picture rules a whole batch
            because its style has little energy to be relative to.
        readouts: The encoder's (:meth:`impasto.Encoder.linear_readouts`), if its bare features may
            be asked for: the same losses but for rounding, in less time.
        name: Of the losses.
    """

    def __init__(
        self,
        targets: Mapping[str, Summary],
        *,
        statistic: str = "gram",
        weight: float = 1.0,
        layer_weights: Mapping[str, float] | None = None,
        normalization: str = "relative",
        maps: Features | None = None,
        soft: bool = False,
        readouts: Mapping[str, Readout] | None = None,
        name: str = "style",
    ) -> None:
        self._name, self._statistic_name = name, statistic
        self._statistic = get_statistic(statistic)
        self._maps = dict(maps or {})
        self._targets = dict(targets)
        self._soft = soft
        self._shares = _weights(tuple(targets), weight, layer_weights)
        self._readings = {
            layer: reading(layer, self._statistic, (readouts or {}).get(layer))
            for layer in self._targets
        }
        # What depends on the target alone is worked out once, not at every step.
        self._units = {
            layer: style_unit(self._statistic, target, normalization)
            for layer, target in self._targets.items()
        }

    @property
    def layers(self) -> tuple[str, ...]:
        """The layers looked at."""
        return tuple(own.source for own in self._readings.values())

    def __call__(self, features: Features) -> dict[str, Tensor]:
        """``style.LAYER`` → weighted loss."""
        return self._losses(
            {
                layer: own.summarize(features[own.source], self._maps.get(layer))
                for layer, own in self._readings.items()
            }
        )

    def check_tiles(self) -> None:
        """Raise OptionError if the statistic is no mean over positions."""
        if not self._statistic.is_mean:
            raise OptionError(
                f"The style loss {self._statistic_name} is no mean over positions and cannot be "
                f"painted in tiles: give more {option('memory')}, a smaller {option('size')} or another {option('style_loss')}."
            )

    def sums(self, features: Features, tile: Tile, strides: Strides) -> dict[str, Tensor]:
        """Shares of the means, ``LAYER/KEY`` → (B, …)."""
        return {
            f"{layer}/{key}": mean
            for layer, own in self._readings.items()
            for key, mean in tile_summary(
                own.summarize,
                features[own.source],
                tile,
                strides[own.source],
                self._maps.get(layer),
            ).items()
        }

    def losses(self, sums: Mapping[str, Tensor]) -> dict[str, Tensor]:
        """``style.LAYER`` → weighted loss."""
        summaries: dict[str, Summary] = {layer: {} for layer in self._targets}
        for name, total in sums.items():
            layer, _, key = name.partition("/")
            summaries[layer][key] = total
        return self._losses(summaries)

    def _losses(self, summaries: Mapping[str, Summary]) -> dict[str, Tensor]:
        losses = {}
        for layer, target in self._targets.items():
            summary = self._readings[layer].finish(summaries[layer])
            loss = self._statistic.distance(summary, target) / self._units[layer]
            loss = self._shares[layer] * (loss.log1p() if self._soft else loss)
            losses[f"{self._name}.{layer}"] = loss.mean()
        return losses


class StyleTerm(SummaryTerm):
    """Paint in the manner of a style: its feature statistics at some layers.

    Args:
        styles: Layer → the style's features, as an encoder gives them; or several such, which are
            blended by ``shares``.
        statistic: Name in :data:`impasto.losses.statistics.STATISTICS`.
        shares: Of several styles; equal by default.
        **options: As for :class:`SummaryTerm`: weight, layer_weights, normalization, maps, name.
    """

    def __init__(
        self,
        styles: Features | Sequence[Features],
        *,
        statistic: str = "gram",
        shares: Sequence[float] | None = None,
        **options: Any,
    ) -> None:
        several = [styles] if isinstance(styles, Mapping) else list(styles)
        if len({frozenset(features) for features in several}) != 1:
            raise OptionError("A style term needs styles, all with features of the same layers.")
        summarize = get_statistic(statistic).summary
        weights = [1.0] * len(several) if shares is None else shares
        targets = {
            layer: mix([summarize(features[layer].detach(), None) for features in several], weights)
            for layer in several[0]
        }
        super().__init__(targets, statistic=statistic, **options)


class TotalVariation:
    """Keep the picture smooth.

    Args:
        weight: Of the term.
        kind: See :func:`impasto.losses.total_variation.total_variation`.
        mean: Per number of the picture (the weight means the same at every size), or the sum.
    """

    layers = ("image",)

    def __init__(self, weight: float = 1.0, *, kind: str = "squared", mean: bool = True) -> None:
        self._weight, self._kind, self._mean = weight, kind, mean

    def __call__(self, features: Features) -> dict[str, Tensor]:
        """``tv`` → weighted loss."""
        loss = total_variation(features["image"], self._kind, mean=self._mean)
        return {"tv": self._weight * loss.mean()}


class LaplacianTerm:
    """Keep the lines of the photograph: eyes, mouths, letters (Li et al. 2017).

    Args:
        content: (1, 3, H, W), the photograph at the picture's size.
        weight: Of the term, which is relative to the photograph's own Laplacians and averaged over
            :data:`impasto.losses.laplacian.POOL_SIZES` (those that the picture is large enough for).
    """

    layers = ("image",)

    def __init__(self, content: Tensor, weight: float = 1.0) -> None:
        least = min(content.shape[-2:])
        self._targets = {p: laplacian(content, p) for p in POOL_SIZES if least >= 3 * p}
        self._weight = weight / max(1, len(self._targets))

    def __call__(self, features: Features) -> dict[str, Tensor]:
        """``laplacian`` → weighted loss."""
        image = features["image"]
        losses = [content_loss(laplacian(image, p), t).mean() for p, t in self._targets.items()]
        return {"laplacian": self._weight * sum(losses, image.new_zeros(()))}


Loss = TypeVar("Loss", float, Tensor)


def by_kind(losses: Mapping[str, Loss]) -> dict[str, Loss]:
    """Term → its loss: of ``style.relu1_1``, ``style.relu2_1`` … the sum, under ``style``."""
    sums: dict[str, Loss] = {}
    for name, value in losses.items():
        kind = name.partition(".")[0]
        sums[kind] = sums[kind] + value if kind in sums else value
    return sums


def _weights(
    layers: Sequence[str], weight: float, layer_weights: Mapping[str, float] | None
) -> dict[str, float]:
    if not layers:
        raise OptionError("A term needs at least one layer to look at.")
    if layer_weights is None:
        return dict.fromkeys(layers, weight / len(layers))
    for name in layer_weights:
        if name not in layers:
            raise unknown_name("layer of the term", name, layers)
    return {name: weight * layer_weights.get(name, 0.0) for name in layers}


def _content_scale(target: Tensor, normalization: str) -> Tensor:
    target = at_least_float32(target)
    one = torch.ones(len(target), dtype=target.dtype, device=target.device)
    return CONTENT_NORMALIZATIONS[normalization](one, target)


class CircularVariation:
    """Total variation over all neighbours, those across the borders too.

    Args:
        weight: Of the term, per number of the picture.
        kind: See :func:`impasto.losses.total_variation.total_variation`.
    """

    layers = ("image",)

    def __init__(self, weight: float, kind: str = "squared") -> None:
        if kind not in VARIATIONS:
            raise unknown_name("total variation", kind, VARIATIONS)
        self._weight, self._kind = weight, kind

    def __call__(self, features: Features) -> dict[str, Tensor]:
        """``tv`` → weighted loss."""
        image = features["image"]
        down = image.roll(-1, -2) - image
        right = image.roll(-1, -1) - image
        # The kinds that need both differences leave the last column and row out: here, the zeros.
        value = VARIATIONS[self._kind](F.pad(down, (0, 1)), F.pad(right, (0, 0, 0, 1)))
        return {"tv": self._weight * (value / image[0].numel()).mean()}
