"""A closed-form map from a photograph's colours to a style's, in two halves.

With mean μ and covariance Σ of the colours of content c and style s, the Monge-Kantorovich map
between Gaussians (Pitié & Kokaram 2007, "The linear Monge-Kantorovitch linear colour mapping for
example-based colour transfer", equation 8) is x ↦ μ_s + Σ_s^½ R Σ_c^-½ (x − μ_c), where the
rotation R is the polar factor of Σ_s^½ Σ_c^½. A network works between the halves: it sees the
whitened colours u = R Σ_c^-½ (x − μ_c), and what it makes, z, is painted as μ_s + Σ_s^½ z. So the
style's mean, spread and axes of colour are right before anything is learnt. For a black-and-white
style Σ_s^½ has a single direction, and nothing but its greys can be painted.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple, TypeAlias

import torch
from torch import Tensor

from impasto.colour.matching import symmetric_power
from impasto.images.picture import as_float
from impasto.losses.moments import Summary, mean_and_gram, without_autocast
from impasto.networks.normalization import Moments
from impasto.networks.small_matrices import inverse, polar_rotation, symmetric_root
from impasto.runtime.tracing import needs_plain_operations

PALETTE_SIZE = 9
"""Numbers of a palette in a style vector: 3 means and 6 second moments."""

_TRIANGLE = (0, 1, 2, 4, 5, 8)
"""The upper triangle of a symmetric matrix, in its entries row by row."""

_OF_TRIANGLE = (0, 1, 2, 1, 3, 4, 2, 4, 5)
"""Each entry of a symmetric matrix, row by row, in its upper triangle."""

_OF_SUMS = (0, 4, 3, 4, 1, 5, 3, 5, 2)
"""The same in the list of red², green², blue², red·blue, green·red, blue·green."""

_CONTENT_FLOOR = 0.03
"""Deviation added to a photograph's colours: the noise of a grey one is not taken for colours."""

_STYLE_FLOOR = 0.002
"""The same for a style: less than 1/255, so that black and white stays black and white."""

_BOUND_FLOOR = 0.012
"""Deviation along an axis of a style's colours at which half of what is painted along it stays."""


class Palette(NamedTuple):
    """Mean (B, 3) and second moments E[x xᵀ] (B, 3, 3) of colours: both are means, so they mix."""

    mean: Tensor
    square: Tensor

    @property
    def covariance(self) -> Tensor:
        """(B, 3, 3)."""
        return self.square - self.mean[:, :, None] * self.mean[:, None, :]


def palette_numbers(colours: Summary) -> Tensor:
    """The part (B, 9) of a style vector for the mean and Gram matrix of a picture's colours."""
    return torch.cat([colours["mean"], _picked(colours["gram"].flatten(1), _TRIANGLE)], 1)


def with_palette(vectors: Tensor, pictures: Tensor, size: int) -> Tensor:
    """Style vectors (B, N) whose last numbers are the palettes of pictures (B, 3, H, W) in [0, 1].

    Args:
        vectors: Of styles.
        pictures: One for each vector.
        size: How many numbers: :data:`PALETTE_SIZE`, or 0 for networks without palettes.
    """
    if not size:
        return vectors
    numbers = palette_numbers(mean_and_gram(pictures, None)).to(vectors)
    return torch.cat([vectors[:, :-size], numbers], 1)


def palette_of_numbers(numbers: Tensor) -> Palette:
    """The inverse of :func:`palette_numbers`."""
    return Palette(numbers[:, :3], _picked(numbers[:, 3:], _OF_TRIANGLE).reshape(-1, 3, 3))


def colour_sums(picture: Tensor) -> Tensor:
    """A map (B, 6, H/4, W/4) whose moments tell the palette: colours, and sums of two of them.

    Args:
        picture: (B, 3, H, W) in [0, 1]; uint8 counts in 255ths. Of every fourth row every fourth
            pixel is taken.
    """
    picture = as_float(picture[..., ::4, ::4])
    return torch.cat([picture, picture + picture.roll(1, 1)], 1)


def palette_of_sums(moments: Moments) -> Palette:
    """The palette by the moments of :func:`colour_sums`.

    E[xy] = (E[(x + y)²] − E[x²] − E[y²]) / 2.
    """
    own, sums = moments.square[:, :3], moments.square[:, 3:]
    products = (sums - own - own.roll(1, 1)) / 2  # of red and blue, green and red, blue and green
    square = _picked(torch.cat([own, products], 1), _OF_SUMS).reshape(-1, 3, 3)
    return Palette(moments.mean[:, :3], square)


class ColourMap(NamedTuple):
    """Both halves of the map, for a batch, or for the regions of one picture.

    Attributes:
        inward: (B, 3, 3): u = inward (x − content_mean).
        content_mean: (B or 1, 3).
        outward: (B, 3, 3): painted = style_mean + outward z.
        style_mean: (B, 3).
    """

    inward: Tensor
    content_mean: Tensor
    outward: Tensor
    style_mean: Tensor

    def whiten(self, picture: Tensor, shares: Tensor | None = None) -> Tensor:
        """The whitened colours u (B, 3, H, W) of a picture.

        Args:
            picture: (B, 3, H, W), float32.
            shares: Of the regions, (1, R, H, W), which sum to one, or to 255 as uint8; the maps
                are theirs then.
        """
        centred = picture - self.content_mean[:, :, None, None]
        return _transformed(self.inward, centred, shares)

    def colour(self, z: Tensor | None, plain: Tensor, shares: Tensor | None = None) -> Tensor:
        """The painted picture of z (B, 3, H, W): z plus the whitened colours of ``plain``.

        Args:
            z: What is painted, in whitened colours, float32; None for nothing.
            plain: A picture (B, 3, H, W).
            shares: As in :meth:`whiten`.
        """
        centred = plain - self.content_mean[:, :, None, None]
        with without_autocast(plain):
            matrix = self.outward @ self.inward
        if z is not None:
            matrix, centred = torch.cat([self.outward, matrix], 2), torch.cat([z, centred], 1)
        return _transformed(matrix, centred, shares, self.style_mean)

    def bound(self) -> Tensor:
        """(B, 3, 3), a matrix that keeps to the style's colours: Σ_s (Σ_s + ε² I)⁻¹.

        Along an axis on which the style's colours hardly differ, neither do painted colours less
        the style's mean. So a black-and-white style gives black and white.
        """
        plain = needs_plain_operations()  # otherwise on the CPU: some devices know no float64
        root = self.outward if plain else self.outward.cpu().double()
        covariance = root @ root
        sums = covariance + _BOUND_FLOOR**2 * torch.eye(3, dtype=root.dtype, device=root.device)
        if plain:
            return covariance @ inverse(sums)
        matrix: Tensor = torch.linalg.solve(sums, covariance)
        return matrix.to(self.outward)

    def bounded(self, painted: Tensor, shares: Tensor | None = None) -> Tensor:
        """A painted picture (B, 3, H, W) kept to the style's colours by :meth:`bound`.

        Args:
            painted: In [0, 1].
            shares: As in :meth:`whiten`.
        """
        matrix, mean = self.bound(), self.style_mean.float()
        shift = mean - (matrix @ mean[:, :, None])[:, :, 0]
        return _transformed(matrix, painted, shares, shift)


def colour_map(content: Palette, style: Palette) -> ColourMap:
    """The map between two palettes of as many pictures, or of one and several; no gradients."""
    if needs_plain_operations():
        return _plain_colour_map(content, style)
    with torch.no_grad(), torch.autocast(content.mean.device.type, enabled=False):
        root = _power(style, 0.5, _STYLE_FLOOR)
        u, _, vh = torch.linalg.svd(root @ _power(content, 0.5, _CONTENT_FLOOR))
        rotated = (u @ vh) @ _power(content, -0.5, _CONTENT_FLOOR)
        matrices = (x.float().to(content.mean.device) for x in (rotated, root.expand_as(rotated)))
        inward, outward = matrices
        means = style.mean.float().expand(len(inward), -1)
        return ColourMap(inward, content.mean.float(), outward, means)


Colours: TypeAlias = tuple[ColourMap, Tensor | None]
"""The map, and the regions' shares (1, R, H, W) if the maps are those of regions."""


def colours_of(moments: Moments, style: Sequence[Tensor]) -> Colours:
    """The map from a photograph's palette to a style's.

    Args:
        moments: Of the photograph's :func:`colour_sums`.
        style: The part ``palette`` of a style (see :data:`impasto.networks.base.Affine`).
    """
    numbers, *shares = style
    maps = colour_map(palette_of_sums(moments), palette_of_numbers(numbers))
    return maps, shares[0] if shares else None


def is_one(colours: Colours) -> bool:
    """Whether one style paints one picture, and no gradient is needed."""
    colour, shares = colours
    return not torch.is_grad_enabled() and shares is None and len(colour.inward) == 1


def _plain_colour_map(content: Palette, style: Palette) -> ColourMap:
    """:func:`colour_map` by operations that a graph can hold, for one style."""
    both = torch.cat([style.covariance, content.covariance]).double()
    # The style is one, the others are pictures.
    floors = torch.full_like(both[:, 0, 0], _CONTENT_FLOOR**2)
    floors = torch.cat([floors[:1] * 0 + _STYLE_FLOOR**2, floors[1:]])
    roots = symmetric_root(both, floors)
    root, content_root = roots[:1], roots[1:]
    inward = polar_rotation(root @ content_root) @ inverse(content_root)
    return ColourMap(
        inward.float(), content.mean.float(), root.float().expand_as(inward), style.mean.float()
    )


def recoloured(contents: Tensor, styles: Tensor) -> Tensor:
    """Photographs (B, 3, H, W) in the colours of styles (B, 3, H', W'), without paint."""
    palettes = (
        palette_of_numbers(palette_numbers(mean_and_gram(pictures, None)))
        for pictures in (contents, styles)
    )
    return colour_map(*palettes).colour(None, contents)


def _picked(values: Tensor, indices: Sequence[int]) -> Tensor:
    """Columns (B, N) of values (B, M)."""
    return torch.stack([values[:, index] for index in indices], 1)


def _power(palette: Palette, exponent: float, floor: float) -> Tensor:
    """A power of Σ + floor² I, in float64 on the CPU: some devices know no float64."""
    covariance = palette.covariance.cpu().double()
    floors = floor**2 * torch.eye(3, dtype=covariance.dtype)
    return symmetric_power(covariance + floors, exponent, floor**2)


def _transformed(
    matrices: Tensor, x: Tensor, shares: Tensor | None, shifts: Tensor | None = None
) -> Tensor:
    """Each pixel times a matrix (3, C), plus a shift: its picture's, or its regions' by share."""
    size = x.shape[-2:]
    with without_autocast(x):
        flat = x.float().flatten(2)
        if shares is None:
            batch = max(matrices.shape[0], flat.shape[0])  # not len(): a graph has any
            matrix = matrices.expand(batch, -1, -1)
            flat = flat.expand(batch, -1, -1)
            made = (
                matrix @ flat if shifts is None else torch.baddbmm(shifts[:, :, None], matrix, flat)
            )
            return made.view(*made.shape[:2], *size)
        result = flat.new_zeros(len(flat), 3, flat.shape[2])
        for index, matrix in enumerate(matrices):
            made = matrix @ flat
            if shifts is not None:
                made = made + shifts[index, :, None]
            result = result + as_float(shares[:, index : index + 1]).flatten(2) * made
        return result.view(*result.shape[:2], *size)
