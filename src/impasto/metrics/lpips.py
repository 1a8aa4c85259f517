"""LPIPS: how far apart two pictures are to a net, its channels weighed by people's answers."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import torch
from torch import Tensor

from impasto.errors import OptionError
from impasto.weights.open import open_encoder, open_metric_net
from impasto.weights.store import load_tensors

LAYERS = ("relu1_2", "relu2_2", "relu3_3", "relu4_3", "relu5_3")
"""Of VGG-16; of AlexNet they are its five rectifiers."""

_TINY = 1e-10


@dataclass(frozen=True)
class Perceiver:
    """What LPIPS sees and weighs with.

    Attributes:
        see: A picture (B, 3, H, W) → features (B, C, H', W') of each layer.
        weights: For each layer (1, C, 1, 1), at least 0.
    """

    see: Callable[[Tensor], Sequence[Tensor]]
    weights: Sequence[Tensor]


def open_perceiver(net: str) -> Perceiver:
    """The one of version 0.1, "lin".

    LPIPS takes pictures in [−1, 1] and shifts them by (−0.030, −0.088, −0.188) over (0.458, 0.448,
    0.450): this is 2 μ − 1 and 2 σ of ImageNet's mean and deviation, digit by digit, so what our
    nets see is the same but for float32's rounding.

    Args:
        net: ``"vgg16"`` or ``"alexnet"``; fetched once, as are the weights.

    Raises:
        WeightsError: If the weights are broken or cannot be fetched.
    """
    weights = list(load_tensors(f"lpips-{net}").values())
    if net == "alexnet":
        return Perceiver(open_metric_net(net), weights)
    encoder = open_encoder(net)
    return Perceiver(lambda picture: list(encoder(picture, LAYERS).values()), weights)


@torch.no_grad()
def lpips(result: Tensor, content: Tensor, perceiver: Perceiver) -> Tensor:
    """Learned perceptual image patch similarity, (B,): a distance.

    Zhang, Isola, Efros, Shechtman & Wang 2018, "The unreasonable effectiveness of deep features as
    a perceptual metric", arXiv:1801.03924, eq. 1: features of each layer, at each position of unit
    length, their squared differences weighed by channel, averaged over positions, and added up. As
    in the authors' program, the weights multiply the squares; in eq. 1 they are squared as well.

    Args:
        result: (B, 3, H, W), sRGB in [0, 1].
        content: Of the same shape.
        perceiver: What to see with.

    Returns:
        At least 0, and 0 for the same picture.

    Raises:
        OptionError: For pictures of different sizes.
    """
    if result.shape != content.shape:
        raise OptionError(
            f"Result and content are {tuple(result.shape[-2:])} and {tuple(content.shape[-2:])}: "
            "both pictures must have the same size."
        )
    layers = zip(perceiver.see(result), perceiver.see(content), perceiver.weights, strict=True)
    total = result.new_zeros(len(result))
    for own, wanted, weight in layers:
        squares = (_unit(own) - _unit(wanted)).square() * weight
        total += squares.sum(1).mean((1, 2)).to(total)
    return total


def _unit(features: Tensor) -> Tensor:
    length: Tensor = torch.linalg.vector_norm(features, dim=1, keepdim=True)
    return features / (length + _TINY)
