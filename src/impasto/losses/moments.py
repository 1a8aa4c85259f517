"""Means over the positions of a feature map under a weight map: mean vector, Gram matrix."""

from __future__ import annotations

import contextlib
from typing import Any

import torch
from torch import Tensor
from torch.autograd.function import once_differentiable

from impasto.errors import OptionError
from impasto.runtime.tracing import needs_plain_operations

Summary = dict[str, Tensor]
"""Means (or quantiles) by name, each with the batch as its first dimension."""


HALF_DTYPES = (torch.bfloat16, torch.float16)
"""Types that are summed and subtracted in float32."""


def at_least_float32(x: Tensor) -> Tensor:
    """Half precision as float32; other types unchanged."""
    return x.float() if x.dtype in HALF_DTYPES else x


def without_autocast(x: Tensor) -> contextlib.AbstractContextManager[None]:
    """A context that disables ``torch.autocast`` on the tensor's device, to sum in its own type."""
    device = x.device.type
    if needs_plain_operations():  # a graph has no contexts
        return contextlib.nullcontext()
    if not torch.amp.is_autocast_available(device):  # as on "meta"
        return contextlib.nullcontext()
    return torch.autocast(device, enabled=False)


def weighted_vectors(features: Tensor, weights: Tensor | None) -> tuple[Tensor, Tensor | None]:
    """A feature map as a list of vectors, and the share of each in the total weight.

    Args:
        features: (B, C, H, W), any floating type; half precision becomes float32.
        weights: (B, 1, H, W) ≥ 0, or None for equal weights.

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
            f"A weight map of shape {tuple(weights.shape)} does not fit features of shape "
            f"{tuple(features.shape)}: it must be (B, 1, H, W)."
        )
    flat = weights.to(vectors.dtype).permute(0, 2, 3, 1).flatten(1, 2)
    total = flat.sum(1, keepdim=True)
    if not (total > 0).all():
        raise OptionError("A weight map is zero everywhere: its region is empty.")
    return vectors, flat / total


def _vectors(features: Tensor) -> Tensor:
    # Channels last: a view of the encoders' own layout, where flatten(2) would be a copy.
    return features.permute(0, 2, 3, 1).flatten(1, 2)


def mean_vector(features: Tensor, weights: Tensor | None) -> Tensor:
    """E[f]: (B, C)."""
    vectors, shares = weighted_vectors(features, weights)
    return vectors.mean(1) if shares is None else (vectors * shares).sum(1)


def mean_square(features: Tensor, weights: Tensor | None) -> Tensor:
    """E[f²] of each channel: (B, C)."""
    vectors, shares = weighted_vectors(features, weights)
    squares = vectors.square()
    return squares.mean(1) if shares is None else (squares * shares).sum(1)


def gram_matrix(features: Tensor, weights: Tensor | None) -> Tensor:
    """E[f fᵀ], the Gram matrix divided by the number of positions: (B, C, C)."""
    vectors, shares = weighted_vectors(features, weights)
    with without_autocast(vectors):
        if shares is None:
            gram: Tensor = _GramMatrix.apply(vectors)  # type: ignore[no-untyped-call]
            return gram
        return vectors.mT @ (vectors * shares)


class _GramMatrix(torch.autograd.Function):
    """VᵀV / n, with one matrix product in the backward pass where autograd would need two."""

    @staticmethod
    def forward(ctx: Any, vectors: Tensor) -> Tensor:
        ctx.save_for_backward(vectors)
        return vectors.mT @ vectors / vectors.shape[1]

    @staticmethod
    @once_differentiable
    def backward(ctx: Any, grad_output: Tensor) -> Tensor:
        (vectors,) = ctx.saved_tensors
        grad_input: Tensor = vectors @ ((grad_output + grad_output.mT) / vectors.shape[1])
        return grad_input


def _map_means(maps: Tensor) -> Tensor:
    """The mean over all positions of channels-last maps (B, H, W, C): (B, C).

    Computed as products with a row of ones: on a CPU, reductions over the positions of a
    channels-last map take ten times as long (1.0 against 0.1 ms for 96 channels of 64×64). Row by
    row, because the rounding error of a product grows with its length: 3e-5 for a million numbers.
    """
    return row_means(maps).mean(1)


def row_means(maps: Tensor) -> Tensor:
    """The means of the rows of channels-last maps (B, H, W, C): (B, H, C)."""
    batch, height, width, channels = maps.shape
    ones = maps.new_full((1, 1, width), 1 / width).expand(batch * height, 1, width)
    rows = torch.bmm(ones, maps.reshape(batch * height, width, channels))
    return rows.view(batch, height, channels)


def _as_map(vectors: Tensor, width: int) -> Tensor:
    return vectors.reshape(len(vectors), -1, width, vectors.shape[-1])


class _MeanAndGram(torch.autograd.Function):
    """Σ v / n and VᵀV / n of H rows of W vectors, with one product in the backward pass.

    The sums are in float32 at least. The gradient is rounded to the vectors' own type in any case,
    and in bfloat16 its product takes a third of the time. There the mean is subtracted first:
    otherwise the gradient of covariances would be a small difference of two large rounded numbers.
    """

    @staticmethod
    def forward(ctx: Any, vectors: Tensor, width: int) -> tuple[Tensor, Tensor]:
        exact = at_least_float32(vectors)
        mean = _map_means(_as_map(exact, width))
        ctx.save_for_backward(vectors, mean if vectors.dtype in HALF_DTYPES else None)
        ctx.width = width
        return mean, exact.mT @ exact / exact.shape[1]

    @staticmethod
    @once_differentiable
    def backward(ctx: Any, grad_mean: Tensor, grad_gram: Tensor) -> tuple[Tensor, None]:
        vectors, mean = ctx.saved_tensors
        with without_autocast(vectors):
            matrix = (grad_gram + grad_gram.mT) / vectors.shape[1]
            offset = grad_mean / vectors.shape[1]
            if mean is not None:
                centre = mean.to(vectors.dtype)
                offset = offset + (centre.float()[:, None] @ matrix)[:, 0]
                rows = _flat_rows(vectors, ctx.width) - centre.repeat(1, ctx.width)[:, None]
                vectors = rows.view(vectors.shape)
            grad_vectors = vectors @ matrix.to(vectors.dtype)
            rows = _flat_rows(grad_vectors, ctx.width)
            rows += offset.to(rows.dtype).repeat(1, ctx.width)[:, None]
            return rows.view(grad_vectors.shape), None


def _flat_rows(vectors: Tensor, width: int) -> Tensor:
    """(B, H, W·C) from (B, H·W, C), to add one vector to all of them.

    Adding C numbers at a time, or numbers of two types, takes three to ten times as long.
    """
    return vectors.reshape(len(vectors), -1, width * vectors.shape[-1])


def mean_and_gram(features: Tensor, weights: Tensor | None) -> Summary:
    """E[f] and E[f fᵀ] in one pass: ``mean`` (B, C) and ``gram`` (B, C, C)."""
    width = features.shape[-1]
    with without_autocast(features):
        if weights is None and needs_plain_operations():
            vectors = _vectors(at_least_float32(features))
            return {"mean": vectors.mean(1), "gram": vectors.mT @ vectors / vectors.shape[1]}
        if weights is None:
            mean, gram = _MeanAndGram.apply(_vectors(features), width)  # type: ignore[no-untyped-call]
            return {"mean": mean, "gram": gram}
        vectors, shares = weighted_vectors(features, weights)
        assert shares is not None
        # Summed like the Gram matrix: the variance E[f²] − E[f]² of a plain map is all rounding.
        weighted = vectors * shares
        mean = vectors.shape[1] * _map_means(_as_map(weighted, width))
        return {"mean": mean, "gram": vectors.mT @ weighted}


def affine_moments(summary: Summary, weight: Tensor, bias: Tensor) -> Summary:
    """Mean and Gram matrix of W f + b from those of f, without computing the map itself.

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
    """Σ of the squares over all dimensions but the batch: (B,)."""
    return difference.square().flatten(1).sum(1)
