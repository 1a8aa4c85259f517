"""LPIPS: perceptual distance by the features of a network, weighted to match human judgements."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial

import torch
from torch import Tensor, nn

from impasto.encoders.vgg import Encoder
from impasto.errors import OptionError
from impasto.metrics.registry import Metric
from impasto.weights.open import open_encoder, open_metric_net
from impasto.weights.store import load_tensors

LAYERS = ("relu1_2", "relu2_2", "relu3_3", "relu4_3", "relu5_3")
"""Layers of VGG-16; of AlexNet all five rectifiers are used."""

_EPSILON = 1e-10


@dataclass(frozen=True)
class LpipsModel:
    """Network and weights of LPIPS.

    Attributes:
        features: Picture (B, 3, H, W) → features (B, C, H', W') of each layer.
        weights: Channel weights of each layer, (1, C, 1, 1), ≥ 0.
    """

    features: Callable[[Tensor], Sequence[Tensor]]
    weights: Sequence[Tensor]

    def to(self, device: torch.device) -> LpipsModel:
        """The model on a device; its network is moved."""
        if isinstance(self.features, nn.Module):
            self.features.to(device)
        return LpipsModel(self.features, [weight.to(device) for weight in self.weights])


def open_lpips(net: str) -> LpipsModel:
    """LPIPS version 0.1, "lin", of ``"vgg16"`` or ``"alexnet"``; its files are downloaded once.

    LPIPS takes pictures in [−1, 1], shifts them by (−0.030, −0.088, −0.188) and scales them by
    (0.458, 0.448, 0.450). Digit by digit these are 2 μ − 1 and 2 σ of ImageNet's mean and standard
    deviation. So our networks get the same input, up to float32 rounding.

    Raises:
        WeightsError: The weights are broken or cannot be downloaded.
    """
    weights = list(load_tensors(f"lpips-{net}").values())
    if net == "alexnet":
        return LpipsModel(open_metric_net(net), weights)
    encoder = open_encoder(net)
    return LpipsModel(_VggFeatures(encoder), weights)


class _VggFeatures(nn.Module):
    def __init__(self, encoder: Encoder) -> None:
        super().__init__()
        self.encoder = encoder

    def forward(self, picture: Tensor) -> list[Tensor]:
        """The features of ``LAYERS``."""
        return list(self.encoder(picture, LAYERS).values())


@torch.no_grad()
def lpips(result: Tensor, content: Tensor, model: LpipsModel) -> Tensor:
    """Learned perceptual image patch similarity (a distance), (B,).

    Zhang, Isola, Efros, Shechtman & Wang 2018, "The unreasonable effectiveness of deep features as
    a perceptual metric", arXiv:1801.03924, eq. 1. Features of each position are scaled to unit
    length. Their squared differences are weighted by channel, averaged over positions and summed
    over layers. As in the authors' code, the weights multiply the squares; eq. 1 squares them too.

    Args:
        result: (B, 3, H, W), sRGB in [0, 1].
        content: Same shape.
        model: Network and weights.

    Returns:
        ≥ 0; 0 for the same picture.

    Raises:
        OptionError: The sizes differ.
    """
    if result.shape != content.shape:
        raise OptionError(
            f"Result and content are {tuple(result.shape[-2:])} and {tuple(content.shape[-2:])}: "
            "both pictures must have the same size."
        )
    layers = zip(model.features(result), model.features(content), model.weights, strict=True)
    total = result.new_zeros(len(result))
    for result_features, content_features, weight in layers:
        squares = (_unit(result_features) - _unit(content_features)).square() * weight
        total += squares.sum(1).mean((1, 2)).to(total)
    return total


def _unit(features: Tensor) -> Tensor:
    length: Tensor = torch.linalg.vector_norm(features, dim=1, keepdim=True)
    return features / (length + _EPSILON)


def _metric(net: str) -> Metric:
    return Metric(
        lpips,
        reference="content",
        better="lower",
        about=f"LPIPS 0.1: weighted distance of the features of {net}",
        source="Zhang, Isola, Efros, Shechtman & Wang 2018, arXiv:1801.03924",
        open=partial(open_lpips, net),
        weights=(net, f"lpips-{net}"),
    )


LPIPS, LPIPS_ALEXNET = _metric("vgg16"), _metric("alexnet")
