"""Recolouring a picture so that its colours follow another picture's."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from functools import partial

import torch
import torch.nn.functional as F
from torch import Tensor

from impasto.colour.spaces import NO_CHROMA, SPACES, fit_gamut, named
from impasto.errors import OptionError
from impasto.losses.moments import weighted_vectors

# Added to each colour's variance before linear matching, a quarter of a level of 8 bits, squared:
# it bounds by how much the rounding noise of a grey or plain picture is blown up into colours.
RIDGE = 1e-6


Colours = tuple[Tensor, Tensor]  # (B, N, 3), and the share (B, N, 1) that each has of its picture


def match_lightness(style: Tensor, content: Tensor, space: str = "oklab") -> Tensor:
    """A grey picture: the style's lightness, shifted and scaled to the content's.

    Mean and standard deviation become the content's, as for the luminance-only transfer of Gatys
    et al. 2016 (arXiv:1606.05897), except for what lies beyond black and white and is clipped.
    Both are (B, 3, H, W), of any sizes; one content serves many styles and vice versa. A style of
    a single lightness becomes the mean of the content's.
    """
    chosen = named("colour space", SPACES, space, style, content)
    lightness = _matched(chosen.to(style)[:, :1], chosen.to(content)[:, :1], chosen.white)
    return fit_gamut(F.pad(lightness, NO_CHROMA), space)


def _matched(lightness: Tensor, target: Tensor, white: float) -> Tensor:
    mean, variance = (moment[..., None] for moment in _moments(_colours(lightness)))
    wanted, wanted_variance = (moment[..., None] for moment in _moments(_colours(target)))
    least = (_FLAT * white) ** 2
    scale = (wanted_variance.clamp_min(least) / variance.clamp_min(least)).sqrt()
    return (lightness - mean.to(lightness)) * scale.to(lightness) + wanted.to(lightness)


def match_colours(
    style: Tensor,
    content: Tensor,
    method: str = "pca",
    *,
    style_weights: Tensor | None = None,
    content_weights: Tensor | None = None,
    clip: bool = True,
) -> Tensor:
    """The style picture in the colours of the content: its patterns, but not its palette.

    Computed in float64 whatever the pictures are, and without a gradient: it prepares pictures.

    Args:
        style: (B, 3, H, W).
        content: (B, 3, H, W) of any size; one content serves many styles and vice versa.
        method: One of ``METHODS``.
        style_weights: (B or 1, 1, H, W) ≥ 0, how much each pixel counts; all are recoloured.
        content_weights: The same for the content.
        clip: Whether values outside [0, 1], which the linear methods can give, are clipped.
    """
    match = named("colour matching", METHODS, method, style, content)
    batch = max(len(style), len(content))
    with torch.no_grad():
        source = _colours(style.expand(batch, -1, -1, -1), style_weights)
        target = _colours(content.expand(batch, -1, -1, -1), content_weights)
        matched = match(source, target).mT.reshape(batch, *style.shape[1:]).to(style)
    return matched.clamp(0, 1) if clip else matched


def cholesky_map(source: Tensor, target: Tensor) -> Tensor:
    """Lc Ls⁻¹ of covariances Σ = L Lᵀ (..., 3, 3): triangular, so the channels' order matters.

    As all maps here it is an A with A Σs Aᵀ = Σc. Of Gatys et al. 2016 (arXiv:1606.05897).
    """
    factor, wanted = torch.linalg.cholesky(source), torch.linalg.cholesky(target)
    mapping: Tensor = torch.linalg.solve_triangular(factor, wanted, upper=False, left=False)
    return mapping


def pca_map(source: Tensor, target: Tensor) -> Tensor:
    """Σc^½ Σs^-½: colours are made white along their principal axes (Gatys et al. 2016)."""
    return _power(target, 0.5) @ _power(source, -0.5)


def monge_kantorovich_map(source: Tensor, target: Tensor) -> Tensor:
    """Σs^-½ (Σs^½ Σc Σs^½)^½ Σs^-½: colours move the least they can (Pitié & Kokaram 2007)."""
    root, whitening = _power(source, 0.5), _power(source, -0.5)
    return whitening @ _power(root @ target @ root, 0.5) @ whitening


def _power(matrix: Tensor, exponent: float) -> Tensor:
    values, vectors = torch.linalg.eigh(matrix)
    # The ridge keeps the values above zero, but for rounding.
    values = values.clamp_min(torch.finfo(values.dtype).tiny) ** exponent
    return torch.einsum("...ij,...j,...kj->...ik", vectors, values, vectors)


def _linear(find: Callable[[Tensor, Tensor], Tensor], source: Colours, target: Colours) -> Tensor:
    ridge = RIDGE * torch.eye(3, dtype=torch.float64)
    (mean, covariance), (wanted, wanted_covariance) = _moments(source), _moments(target)
    matrix = find(covariance + ridge, wanted_covariance + ridge)
    return (source[0] - mean) @ matrix.mT + wanted


def match_histograms(source: Colours, target: Colours) -> Tensor:
    """Each channel by itself, its values replaced by the target's of the same rank.

    Equal values stay equal: they become the mean of the values of their ranks. So each channel
    reaches the target's mean exactly, and its histogram but for that. How the channels belong
    together is not looked at: hues can appear that neither picture has. And where the source has
    few levels, or a narrow range full of noise, large steps or strong noise come out.
    """
    # Four of (B, 3, N or M), of whose channels each is a line by itself.
    parts = [part.expand_as(pair[0]).mT for pair in (source, target) for part in pair]
    lines = zip(*(part.flatten(0, 1) for part in parts), strict=True)
    return torch.stack([_rearranged(*line) for line in lines]).view(parts[0].shape).mT


def _rearranged(values: Tensor, shares: Tensor, wanted: Tensor, wanted_shares: Tensor) -> Tensor:
    """Optimal transport on a line: (N,) values to the means of the (M,) wanted of their ranks."""
    # Equal but for what resizing adds by rounding, which else would become strong noise.
    levels, index = torch.unique((values * _LEVELS).round(), return_inverse=True)
    mass = torch.zeros_like(levels).index_add_(0, index, shares)
    # A level without weight takes the value at its place in the order, a mean over hardly a rank.
    middle, half = mass.cumsum(0) - mass / 2, mass.clamp_min(_LEAST) / 2
    low, high = (middle - half).clamp(0, 1), (middle + half).clamp(0, 1)

    wanted, order = wanted.sort()
    steps = torch.stack([wanted_shares[order], wanted_shares[order] * wanted])
    edges, sums = F.pad(steps.cumsum(1), (1, 0)).unbind()

    def integral(rank: Tensor) -> Tensor:
        # Of the wanted values in order, from rank 0: a straight line within each.
        at = torch.searchsorted(edges, rank, right=True).clamp(1, len(wanted)) - 1
        return sums.take(at) + (rank - edges.take(at)) * wanted.take(at)

    return ((integral(high) - integral(low)) / (high - low)).take(index)


METHODS: Mapping[str, Callable[[Colours, Colours], Tensor]] = {
    "cholesky": partial(_linear, cholesky_map),
    "pca": partial(_linear, pca_map),
    "monge-kantorovich": partial(_linear, monge_kantorovich_map),
    "histogram": match_histograms,
}
"""Ways to match colours: (source, target) → the source's colours (B, N, 3) made the target's."""


def _colours(picture: Tensor, weights: Tensor | None = None) -> Colours:
    # On the CPU: once per picture is soon done, and comes out the same whatever the device.
    picture = picture.to("cpu", torch.float64)
    if weights is not None and len(weights) not in (1, len(picture)):
        raise OptionError(f"{len(weights)} weight maps do not fit {len(picture)} pictures.")
    colours, shares = weighted_vectors(picture, None if weights is None else weights.cpu())
    if shares is None:
        shares = torch.full_like(colours[..., :1], 1 / colours.shape[1])
    return colours, shares.expand(len(colours), -1, -1)


def _moments(colours: Colours) -> tuple[Tensor, Tensor]:
    """Mean (B, 1, C) and covariance (B, C, C)."""
    values, shares = colours
    mean = (values * shares).sum(1, keepdim=True)
    centred = values - mean
    return mean, centred.mT @ (centred * shares)


_FLAT = 1e-4  # the least deviation of lightness, as a share of white: below it a picture is plain


_LEVELS = 2**20  # of a channel that are told apart: finer than 16 bits, coarser than rounding


_LEAST = 1e-9  # share of a picture: a fifth of a pixel of the largest that is read


def keep_chroma(
    painted: Tensor, content: Tensor, space: str = "oklab", *, match: bool = False
) -> Tensor:
    """The lightness of the painted picture with the chroma of the content, by :func:`fit_gamut`.

    Both are (B, 3, H, W), of the same shape. With ``match``, the painted lightness is given the
    content's mean and deviation first.
    """
    chosen = named("colour space", SPACES, space, painted, content)
    if painted.shape != content.shape:
        shapes = f"{tuple(painted.shape)} and {tuple(content.shape)}"
        raise OptionError(f"Painted picture and content differ, {shapes}: resize one of them.")
    lightness, theirs = chosen.to(painted)[:, :1], chosen.to(content)
    if match:
        lightness = _matched(lightness, theirs[:, :1], chosen.white)
    return fit_gamut(torch.cat([lightness, theirs[:, 1:]], dim=1), space)
