"""Means over the positions of a feature map, under a weight map: what summaries are made of."""

from __future__ import annotations

import contextlib
from typing import Any

import torch
from torch import Tensor
from torch.autograd.function import once_differentiable

from impasto.errors import OptionError

Summary = dict[str, Tensor]
"""Means by name (or quantiles, which are none), each with the batch as its first dimension."""


HALF = (torch.bfloat16, torch.float16)
"""Types that are summed, and subtracted, in float32."""


def at_least_float32(x: Tensor) -> Tensor:
    """Half precision as float32, all else as it is."""
    return x.float() if x.dtype in HALF else x


def without_autocast(x: Tensor) -> contextlib.AbstractContextManager[None]:
    """Sums are taken in the type of what is summed, even within somebody's ``torch.autocast``."""
    device = x.device.type
    if not torch.amp.is_autocast_available(device):  # as on "meta"
        return contextlib.nullcontext()
    return torch.autocast(device, enabled=False)


def positions(features: Tensor, weights: Tensor | None) -> tuple[Tensor, Tensor | None]:
    """A map as a list of vectors, and each vector's share of the whole.

    Args:
        features: (B, C, H, W), any floating type; half precision is summed in float32.
        weights: (B, 1, H, W) ≥ 0, or None for equal shares.

    Returns:
        Vectors (B, H·W, C); shares (B, H·W, 1) that sum to one, or None.

    Raises:
        OptionError: If the weights have another size than the features, or are zero everywhere.
    """
    vectors = _vectors(at_least_float32(features))
    if weights is None:
        return vectors, None
    if weights.shape[1:] != (1, *features.shape[-2:]):
        raise OptionError(
            f"A weight map of shape {tuple(weights.shape)} does not fit features of "
            f"{tuple(features.shape)}: one of (B, 1, H, W) is needed."
        )
    flat = weights.to(vectors.dtype).permute(0, 2, 3, 1).flatten(1, 2)
    mass = flat.sum(1, keepdim=True)
    if not (mass > 0).all():
        raise OptionError("A weight map is zero everywhere: its region is empty.")
    return vectors, flat / mass


def _vectors(features: Tensor) -> Tensor:
    # Channels last: a view of the encoders' own layout, where flatten(2) would be a copy.
    return features.permute(0, 2, 3, 1).flatten(1, 2)


def mean_vector(features: Tensor, weights: Tensor | None) -> Tensor:
    """E[f]: (B, C)."""
    vectors, shares = positions(features, weights)
    return vectors.mean(1) if shares is None else (vectors * shares).sum(1)


def mean_square(features: Tensor, weights: Tensor | None) -> Tensor:
    """E[f²], channel by channel: (B, C)."""
    vectors, shares = positions(features, weights)
    squares = vectors.square()
    return squares.mean(1) if shares is None else (squares * shares).sum(1)


def gram_matrix(features: Tensor, weights: Tensor | None) -> Tensor:
    """E[f fᵀ], the Gram matrix over the number of positions: (B, C, C)."""
    vectors, shares = positions(features, weights)
    with without_autocast(vectors):
        if shares is None:
            gram: Tensor = _MeanProduct.apply(vectors)  # type: ignore[no-untyped-call]
            return gram
        return vectors.mT @ (vectors * shares)


class _MeanProduct(torch.autograd.Function):
    """VᵀV / n, with one product on the way back where automatic differentiation makes two."""

    @staticmethod
    def forward(ctx: Any, vectors: Tensor) -> Tensor:
        ctx.save_for_backward(vectors)
        return vectors.mT @ vectors / vectors.shape[1]

    @staticmethod
    @once_differentiable
    def backward(ctx: Any, gradient: Tensor) -> Tensor:
        (vectors,) = ctx.saved_tensors
        slope: Tensor = vectors @ ((gradient + gradient.mT) / vectors.shape[1])
        return slope


def mean_of_rows(maps: Tensor) -> Tensor:
    """The mean over all positions of channels-last maps (B, H, W, C): (B, C).

    As products with a row of ones: on a CPU, reductions over the positions of a channels-last map
    take ten times as long as these (1.0 against 0.1 ms for 96 channels of 64×64). Row by row,
    since a product rounds with every number it adds: over a million of them, to 3e-5.
    """
    return row_means(maps).mean(1)


def row_means(maps: Tensor) -> Tensor:
    """The means of the rows of channels-last maps (B, H, W, C): (B, H, C)."""
    batch, height, width, channels = maps.shape
    ones = maps.new_full((1, 1, width), 1 / width).expand(batch * height, 1, width)
    rows = torch.bmm(ones, maps.reshape(batch * height, width, channels))
    return rows.view(batch, height, channels)


def _in_rows(vectors: Tensor, width: int) -> Tensor:
    return vectors.reshape(len(vectors), -1, width, vectors.shape[-1])


class _MeanAndProduct(torch.autograd.Function):
    """Σ v / n and VᵀV / n of H rows of W vectors, with one product on the way back.

    The sums are in float32 at least; the slope, a number for each of the vectors', is rounded to
    their own type in any case, and in bf16 its product takes a third of the time. There the mean is
    taken out first: of what only depends on the deviations, such as covariances, the slope would
    else be a small difference of two large numbers, each rounded.
    """

    @staticmethod
    def forward(ctx: Any, vectors: Tensor, width: int) -> tuple[Tensor, Tensor]:
        exact = at_least_float32(vectors)
        mean = mean_of_rows(_in_rows(exact, width))
        ctx.save_for_backward(vectors, mean if vectors.dtype in HALF else None)
        ctx.width = width
        return mean, exact.mT @ exact / exact.shape[1]

    @staticmethod
    @once_differentiable
    def backward(ctx: Any, of_mean: Tensor, of_gram: Tensor) -> tuple[Tensor, None]:
        vectors, mean = ctx.saved_tensors
        with without_autocast(vectors):
            bend = (of_gram + of_gram.mT) / vectors.shape[1]
            common = of_mean / vectors.shape[1]
            if mean is not None:
                centre = mean.to(vectors.dtype)
                common = common + (centre.float()[:, None] @ bend)[:, 0]
                rows = _by_rows(vectors, ctx.width) - centre.repeat(1, ctx.width)[:, None]
                vectors = rows.view(vectors.shape)
            slope = vectors @ bend.to(vectors.dtype)
            rows = _by_rows(slope, ctx.width)
            rows += common.to(rows.dtype).repeat(1, ctx.width)[:, None]
            return rows.view(slope.shape), None


def _by_rows(vectors: Tensor, width: int) -> Tensor:
    """(B, H, W·C) of (B, H·W, C), for a vector that is to be added to all of them.

    Such a sum of C numbers at a time, or of two types, takes three to ten times as long.
    """
    return vectors.reshape(len(vectors), -1, width * vectors.shape[-1])


def mean_and_gram(features: Tensor, weights: Tensor | None) -> Summary:
    """E[f] and E[f fᵀ], from one pass each way: ``mean`` (B, C) and ``gram`` (B, C, C)."""
    width = features.shape[-1]
    with without_autocast(features):
        if weights is None:
            mean, gram = _MeanAndProduct.apply(_vectors(features), width)  # type: ignore[no-untyped-call]
            return {"mean": mean, "gram": gram}
        vectors, shares = positions(features, weights)
        assert shares is not None
        # Summed as above: of an even map the variance E[f²] − E[f]² is all rounding, both ways.
        weighted = vectors * shares
        mean = vectors.shape[1] * mean_of_rows(_in_rows(weighted, width))
        return {"mean": mean, "gram": vectors.mT @ weighted}


def after_map(summary: Summary, weight: Tensor, bias: Tensor) -> Summary:
    """Mean and Gram matrix of W f + b, of which no map need be made, from those of f.

    Args:
        summary: ``mean`` (B, C) and ``gram`` (B, C, C) of f.
        weight: W, (C', C).
        bias: b, (C',).
    """
    with without_autocast(weight):
        mean = summary["mean"] @ weight.mT
        mixed = mean[:, :, None] * bias
        gram = weight @ summary["gram"] @ weight.mT + mixed + mixed.mT + torch.outer(bias, bias)
    return {"mean": mean + bias, "gram": gram}


def squared_norm(difference: Tensor) -> Tensor:
    """Σ of the squares of all numbers but the batch's: (B,)."""
    return difference.square().flatten(1).sum(1)
