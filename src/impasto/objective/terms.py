"""Loss terms: content, style, total variation, Laplacian.

A term names the layers it reads and turns their features into weighted losses. Its targets are
given to its constructor and never change. A term whose losses are functions of *sums over
positions* can also be computed tile by tile: ``term.sums`` of each tile, added, then
``term.losses`` of the total.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Protocol, TypeVar, runtime_checkable

import torch
import torch.nn.functional as F
from torch import Tensor

from impasto.encoders.protocol import Readout
from impasto.errors import OptionError, option, unknown_name
from impasto.losses.content import CONTENT_NORMALIZATIONS, squared_error
from impasto.losses.laplacian import POOL_SIZES, laplacian, laplacian_loss
from impasto.losses.moments import Summary, at_least_float32
from impasto.losses.statistics import Statistic, get_statistic, mix, style_unit
from impasto.losses.total_variation import VARIATIONS, total_variation
from impasto.objective.readouts import plan_summary
from impasto.objective.tiles import Tile, cropped, tile_summary

Features = Mapping[str, Tensor]
"""Layer name → (B, C, H, W); ``"image"`` → the picture itself, (B, 3, H, W)."""

Strides = Mapping[str, int]
"""Layer name → pixels between its positions; 1 for ``"image"``."""


class Term(Protocol):
    """One part of the objective."""

    @property
    def layers(self) -> tuple[str, ...]:
        """The layers that the term reads; ``"image"`` is the picture itself."""
        ...

    def __call__(self, features: Features) -> dict[str, Tensor]:
        """Name → weighted loss, a scalar (the mean over the batch)."""
        ...


@runtime_checkable
class TiledTerm(Term, Protocol):
    """A term that can be computed tile by tile: any term with these methods is one."""

    def check_tiles(self) -> None:
        """Raise OptionError if the losses are not functions of sums over positions."""
        ...

    def sums(self, features: Features, tile: Tile, strides: Strides) -> dict[str, Tensor]:
        """What one tile adds to the sums.

        Args:
            features: Of the tile with its halo; ``tile.core`` cuts the halo off.
            tile: The tile.
            strides: Of the layers.
        """
        ...

    def losses(self, sums: Mapping[str, Tensor]) -> dict[str, Tensor]:
        """Name → weighted loss, from the sums over all tiles."""
        ...


class ContentTerm:
    """Content: the squared error of features at some layers.

    Args:
        targets: Layer → features of the content, (1 or B, C, H, W), as an encoder returns them.
        weight: Of the whole term.
        layer_weights: Layer → weight; by default equal weights that sum to one.
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
        # Every normalization is linear in the error, so its factor depends only on the target.
        self._scales = {
            name: layer_weight * _content_scale(self._targets[name], normalization)
            for name, layer_weight in _layer_weights(tuple(targets), weight, layer_weights).items()
        }

    @property
    def layers(self) -> tuple[str, ...]:
        """The layers of the targets."""
        return tuple(self._targets)

    def __call__(self, features: Features) -> dict[str, Tensor]:
        """``content.LAYER`` → weighted loss."""
        return self.losses({n: squared_error(features[n], t) for n, t in self._targets.items()})

    def check_tiles(self) -> None:
        """Squared errors are sums over positions."""

    def sums(self, features: Features, tile: Tile, strides: Strides) -> dict[str, Tensor]:
        """Layer → squared error of the tile's core, (B,)."""
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
    """Style: the distance of feature statistics to target summaries at some layers.

    Args:
        targets: Layer → summary, e.g. a mixture of the summaries of several styles.
        statistic: Name in :data:`impasto.losses.registry.STATISTICS`, or a statistic.
        weight: Of the whole term.
        layer_weights: Layer → weight; by default equal weights that sum to one.
        normalization: See :func:`impasto.losses.statistics.style_unit`.
        maps: Layer → weight map (1, 1, H, W) ≥ 0 of the layer's size: where in the painted picture
            the term applies; everywhere by default. Statistics are weighted means, so the loss does
            not depend on the size of a region.
        soft: Whether to use log(1 + x) of each picture's unweighted loss x at each layer. It is
            nearly x for small x, and no picture whose style has little energy dominates a batch.
        readouts: :meth:`impasto.Encoder.linear_readouts`, if features before readouts may be
            requested: the same losses up to rounding, in less time.
        crop: Whether only the rectangle is computed outside of which a map is zero: the same losses
            up to rounding, in less memory if there are many regions.
        name: Prefix of the losses' names.
    """

    def __init__(
        self,
        targets: Mapping[str, Summary],
        *,
        statistic: str | Statistic = "gram",
        weight: float = 1.0,
        layer_weights: Mapping[str, float] | None = None,
        normalization: str = "relative",
        maps: Features | None = None,
        soft: bool = False,
        readouts: Mapping[str, Readout] | None = None,
        crop: bool = False,
        name: str = "style",
    ) -> None:
        self._crop = crop
        self._name, self._statistic = name, get_statistic(statistic)
        self._statistic_name = statistic if isinstance(statistic, str) else statistic.about
        self._maps = dict(maps or {})
        self._targets = dict(targets)
        self._soft = soft
        self._layer_weights = _layer_weights(tuple(targets), weight, layer_weights)
        self._plans = {
            layer: plan_summary(layer, self._statistic, (readouts or {}).get(layer))
            for layer in self._targets
        }
        # Computed once: they depend only on the target.
        self._units = {
            layer: style_unit(self._statistic, target, normalization)
            for layer, target in self._targets.items()
        }

    @property
    def layers(self) -> tuple[str, ...]:
        """The layers of the targets, or the features before their readouts."""
        return tuple(plan.source for plan in self._plans.values())

    def __call__(self, features: Features) -> dict[str, Tensor]:
        """``style.LAYER`` → weighted loss."""
        return self._losses(
            {
                layer: plan.summarize(*self._part(features[plan.source], self._maps.get(layer)))
                for layer, plan in self._plans.items()
            }
        )

    def _part(self, features: Tensor, weights: Tensor | None) -> tuple[Tensor, Tensor | None]:
        return (
            (features, weights) if weights is None or not self._crop else cropped(features, weights)
        )

    def check_tiles(self) -> None:
        """Raise OptionError if the statistic is not a mean over positions."""
        if not self._statistic.is_mean:
            raise OptionError(
                f"The style loss {self._statistic_name} is not a mean over positions and cannot be "
                f"painted in tiles: give more {option('memory')}, a smaller {option('size')} or "
                f"another {option('style_loss')}."
            )

    def sums(self, features: Features, tile: Tile, strides: Strides) -> dict[str, Tensor]:
        """``LAYER/KEY`` → the tile's share of the mean over all positions, (B, …)."""
        return {
            f"{layer}/{key}": mean
            for layer, plan in self._plans.items()
            for key, mean in tile_summary(
                plan.summarize,
                features[plan.source],
                tile,
                strides[plan.source],
                self._maps.get(layer),
                crop=self._crop,
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
            summary = self._plans[layer].finish(summaries[layer])
            loss = self._statistic.distance(summary, target) / self._units[layer]
            loss = self._layer_weights[layer] * (loss.log1p() if self._soft else loss)
            losses[f"{self._name}.{layer}"] = loss.mean()
        return losses


class StyleTerm(SummaryTerm):
    """Style: the distance to the feature statistics of one or more style pictures.

    Args:
        styles: Layer → features of the style, as an encoder returns them; or several of these,
            whose summaries are mixed by ``shares``.
        statistic: Name in :data:`impasto.losses.registry.STATISTICS`, or a statistic.
        shares: Weights of several styles; equal by default.
        **options: Of :class:`SummaryTerm`: weight, layer_weights, normalization, maps, soft,
            readouts, name.
    """

    def __init__(
        self,
        styles: Features | Sequence[Features],
        *,
        statistic: str | Statistic = "gram",
        shares: Sequence[float] | None = None,
        **options: Any,
    ) -> None:
        style_list = [styles] if isinstance(styles, Mapping) else list(styles)
        if len({frozenset(features) for features in style_list}) != 1:
            raise OptionError("A style term needs styles, all with features of the same layers.")
        summarize = get_statistic(statistic).summary
        weights = [1.0] * len(style_list) if shares is None else shares
        targets = {
            layer: mix(
                [summarize(features[layer].detach(), None) for features in style_list], weights
            )
            for layer in style_list[0]
        }
        super().__init__(targets, statistic=statistic, **options)


class TotalVariation:
    """Smoothness: differences of neighbouring pixels.

    Args:
        weight: Of the term.
        kind: See :func:`impasto.losses.total_variation.total_variation`.
        mean: Whether to average over the picture's values, so that the weight has the same effect
            at every size, instead of summing.
    """

    layers = ("image",)

    def __init__(self, weight: float = 1.0, *, kind: str = "squared", mean: bool = True) -> None:
        self._weight, self._kind, self._mean = weight, kind, mean

    def __call__(self, features: Features) -> dict[str, Tensor]:
        """``tv`` → weighted loss."""
        loss = total_variation(features["image"], self._kind, mean=self._mean)
        return {"tv": self._weight * loss.mean()}


class LaplacianTerm:
    """Lines of the photograph, such as eyes, mouths and letters (Li et al. 2017).

    The loss is relative to the photograph's own Laplacians, and averaged over those of
    :data:`impasto.losses.laplacian.POOL_SIZES` that fit into the picture.

    Args:
        content: (1, 3, H, W), the photograph at the picture's size.
        weight: Of the term.
    """

    layers = ("image",)

    def __init__(self, content: Tensor, weight: float = 1.0) -> None:
        shortest = min(content.shape[-2:])
        self._targets = {p: laplacian(content, p) for p in POOL_SIZES if shortest >= 3 * p}
        self._weight = weight / max(1, len(self._targets))

    def __call__(self, features: Features) -> dict[str, Tensor]:
        """``laplacian`` → weighted loss."""
        image = features["image"]
        losses = [laplacian_loss(laplacian(image, p), t).mean() for p, t in self._targets.items()]
        return {"laplacian": self._weight * sum(losses, image.new_zeros(()))}


class CircularVariation:
    """Total variation of a picture that tiles: neighbours across its borders count as well.

    Args:
        weight: Of the term, which is the mean over the picture's values.
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
        # Kinds that combine both differences drop the last column and row: here, the padded zeros.
        value = VARIATIONS[self._kind](F.pad(down, (0, 1)), F.pad(right, (0, 0, 0, 1)))
        return {"tv": self._weight * (value / image[0].numel()).mean()}


Loss = TypeVar("Loss", float, Tensor)


def sum_by_term(losses: Mapping[str, Loss]) -> dict[str, Loss]:
    """Term → its loss: ``style`` → the sum of ``style.relu1_1``, ``style.relu2_1`` and so on."""
    sums: dict[str, Loss] = {}
    for name, value in losses.items():
        term = name.partition(".")[0]
        sums[term] = sums[term] + value if term in sums else value
    return sums


def _layer_weights(
    layers: Sequence[str], weight: float, layer_weights: Mapping[str, float] | None
) -> dict[str, float]:
    if not layers:
        raise OptionError("A term needs at least one layer.")
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
