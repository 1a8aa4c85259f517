"""The wish: a sum of weighted terms over a picture and its features.

A term says which layers it looks at and what it finds there; an objective runs the encoder once for
all of them. Terms hold their targets from birth: a loss evaluated twice gives the same twice.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Protocol

import torch
from torch import Tensor

from impasto.errors import OptionError, unknown_name
from impasto.losses.content import content_loss
from impasto.losses.statistics import Summary, get_statistic, mix, style_unit
from impasto.losses.variation import total_variation

Features = Mapping[str, Tensor]
"""Layer name → (B, C, H, W); ``"image"`` → the picture itself."""

EncoderLike = Callable[[Tensor, Sequence[str]], Mapping[str, Tensor]]
"""Anything that maps (picture, layer names) to features, such as ``impasto.Encoder``."""


class Term(Protocol):
    """One wish about a picture."""

    @property
    def layers(self) -> tuple[str, ...]:
        """The layers that the term looks at; ``"image"`` needs none of the encoder."""
        ...

    def __call__(self, features: Features) -> dict[str, Tensor]:
        """Name → weighted loss, a scalar (the mean over the batch)."""
        ...


class ContentTerm:
    """Keep what is in the picture: the content's features at some layers.

    Args:
        targets: Layer → the content's features, (1 or B, C, H, W), as an encoder gives them.
        weight: Of the whole term.
        layer_weights: Layer → weight; equal shares that sum to one by default.
        normalisation: See :func:`impasto.losses.content.content_loss`.
    """

    def __init__(
        self,
        targets: Features,
        *,
        weight: float = 1.0,
        layer_weights: Mapping[str, float] | None = None,
        normalisation: str = "relative",
    ) -> None:
        self._targets = {name: target.detach() for name, target in targets.items()}
        self._weights = _weights(tuple(targets), weight, layer_weights)
        self._normalisation = normalisation

    @property
    def layers(self) -> tuple[str, ...]:
        """The layers compared."""
        return tuple(self._targets)

    def __call__(self, features: Features) -> dict[str, Tensor]:
        """``content.LAYER`` → weighted loss."""
        return {
            f"content.{name}": self._weights[name]
            * content_loss(features[name], target, self._normalisation).mean()
            for name, target in self._targets.items()
        }


class StyleTerm:
    """Paint in the manner of a style: its feature statistics at some layers.

    Args:
        styles: Layer → the style's features, as an encoder gives them; or several such, which are
            blended by ``shares``.
        statistic: Name in :data:`impasto.losses.statistics.STATISTICS`.
        weight: Of the whole term.
        layer_weights: Layer → weight; equal shares that sum to one by default.
        normalisation: See :func:`impasto.losses.statistics.style_unit`.
        shares: Of several styles; equal by default.
    """

    def __init__(
        self,
        styles: Features | Sequence[Features],
        *,
        statistic: str = "gram",
        weight: float = 1.0,
        layer_weights: Mapping[str, float] | None = None,
        normalisation: str = "relative",
        shares: Sequence[float] | None = None,
    ) -> None:
        several = [styles] if isinstance(styles, Mapping) else list(styles)
        if len({frozenset(features) for features in several}) != 1:
            raise OptionError("A style term needs styles, all with features of the same layers.")
        self._statistic = get_statistic(statistic)
        self._targets: dict[str, Summary] = {
            name: mix(
                [self._summary(features[name].detach()) for features in several],
                [1.0] * len(several) if shares is None else shares,
            )
            for name in several[0]
        }
        # What depends on the target alone is worked out once, not at every step.
        self._scales = {
            name: share / style_unit(self._statistic, self._targets[name], normalisation)
            for name, share in _weights(self.layers, weight, layer_weights).items()
        }

    @property
    def layers(self) -> tuple[str, ...]:
        """The layers compared."""
        return tuple(self._targets)

    def __call__(self, features: Features) -> dict[str, Tensor]:
        """``style.LAYER`` → weighted loss."""
        losses = {}
        for name, target in self._targets.items():
            distance = self._statistic.distance(self._summary(features[name]), target)
            losses[f"style.{name}"] = (self._scales[name] * distance).mean()
        return losses

    def _summary(self, features: Tensor) -> Summary:
        return self._statistic.summary(features, None)


class TotalVariation:
    """Keep the picture smooth.

    Args:
        weight: Of the term.
        kind: See :func:`impasto.losses.variation.total_variation`.
        mean: Per number of the picture (the weight means the same at every size), or the sum.
    """

    layers = ("image",)

    def __init__(self, weight: float = 1.0, *, kind: str = "squared", mean: bool = True) -> None:
        self._weight, self._kind, self._mean = weight, kind, mean

    def __call__(self, features: Features) -> dict[str, Tensor]:
        """``tv`` → weighted loss."""
        loss = total_variation(features["image"], self._kind, mean=self._mean)
        return {"tv": self._weight * loss.mean()}


class Objective:
    """A sum of terms: ``objective(image)`` gives every weighted term by name.

    Args:
        terms: What is wished; at least one.
        encoder: Gives the features that the terms look at, from one pass for all of them.

    Raises:
        OptionError: If there is no term.
    """

    def __init__(self, terms: Iterable[Term], encoder: EncoderLike) -> None:
        self.terms = tuple(terms)
        self._encoder = encoder
        if not self.terms:
            raise OptionError("An objective needs at least one term.")
        # A dict keeps the order and drops what two terms share.
        names = dict.fromkeys(name for term in self.terms for name in term.layers)
        self.layers = tuple(name for name in names if name != "image")

    def __call__(self, image: Tensor) -> dict[str, Tensor]:
        """Every weighted term of a picture (B, 3, H, W): name → scalar. Their sum is the loss."""
        features: dict[str, Tensor] = {"image": image}
        if self.layers:
            features.update(self._encoder(image, self.layers))
        losses: dict[str, Tensor] = {}
        for term in self.terms:
            for name, value in term(features).items():
                losses[name] = losses[name] + value if name in losses else value
        return losses

    @torch.enable_grad()
    def gradient(self, image: Tensor) -> tuple[dict[str, float], Tensor]:
        """The value of every term, and the gradient of their sum in the pixels."""
        leaf = image.detach().requires_grad_(True)
        losses = self(leaf)
        total = torch.stack(list(losses.values())).sum()
        (gradient,) = torch.autograd.grad(total, leaf)
        return {name: float(value.detach()) for name, value in losses.items()}, gradient


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
