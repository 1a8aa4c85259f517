"""Peak memory of a painting: what is held throughout, the optimizer's pictures, the feature maps.

The figures are upper bounds, checked against measured peaks by ``benchmarks/memory.py``.
"""

from __future__ import annotations

import math
from collections.abc import Collection, Iterable
from dataclasses import dataclass, replace
from typing import NamedTuple

from torch import Tensor

from impasto.encoders.protocol import FeatureExtractor
from impasto.errors import OptionError, option
from impasto.losses.registry import Statistic
from impasto.optim.lbfgs import history_size
from impasto.runtime.memory import BASE_BYTES

TILE_SIDES = (4096, 3072, 2048, 1536, 1024, 768, 512, 384, 256, 128)
"""Sides of tiles in pixels, without the halo."""

LONGEST_SIDE = 65536
"""Of any picture, as in recipes."""

_TILE_FACTOR = 1.8
"""Memory per pixel in a tile, relative to a whole picture: cutting cores copies them (measured)."""

_COPIES = 3
"""Pictures that are held at once before the memory is planned."""

_FORWARD = 0.4
"""Memory of a forward pass without gradients, relative to one with them."""

_ENCODER_COPIES = 1.5
"""Memory of an encoder relative to its weights: of some a rearranged copy is kept."""


class StatisticBytes(NamedTuple):
    """Bytes per value of a layer that a statistic reads, beyond the layer's own (measured).

    Attributes:
        plain: For the whole picture.
        region: For each region, over the area that it covers.
    """

    plain: float
    region: float


_STATISTICS = {
    "gram": StatisticBytes(0, 9),
    "gaussian-ot": StatisticBytes(0, 9),
    "mmd-poly": StatisticBytes(0, 9),
    "mmd-linear": StatisticBytes(0, 9),
    "moments": StatisticBytes(0, 17),
    "mmd-rbf": StatisticBytes(12, 30),
    "sliced": StatisticBytes(30, 60),
}
_OTHER_STATISTIC = StatisticBytes(30, 60)


@dataclass(frozen=True)
class PaintingMemory:
    """The memory of a painting.

    Attributes:
        encoder: Computes the features.
        layers: That it computes.
        optimizer: Name of the optimizer.
        size: Height and width of the finished picture.
        base: Bytes of the process before it has read a picture.
        held: Bytes of pictures and masks that are held throughout.
        style_pixels: Of the largest style picture, at the finished picture's size.
        extra: Bytes per pixel of the statistics, see :func:`statistic_bytes`.
        can_tile: Whether the picture, and the style pictures, can be computed tile by tile.
        steps: Optimization steps at that size; None for many.
    """

    encoder: FeatureExtractor
    layers: Collection[str]
    optimizer: str
    size: tuple[int, int]
    base: float = BASE_BYTES
    held: float = 0.0
    style_pixels: float = 0.0
    extra: float = 0.0
    can_tile: bool = True
    steps: int | None = None

    @property
    def fixed(self) -> float:
        """Bytes of everything but feature maps."""
        pictures = picture_bytes(self.optimizer, self.size[0] * self.size[1], self.steps)
        # A style picture is resized for each size.
        return self.base + self.held + pictures + 12 * self.style_pixels

    def peak(self, size: tuple[int, int], side: int | None, budget: float = math.inf) -> float:
        """Peak bytes while a size is painted, whole or in tiles of that side.

        Args:
            size: Height and width.
            side: Of the tiles.
            budget: For which style pictures are cut into tiles, too.
        """
        maps = map_bytes(self.encoder, self.layers, size, side, extra=self.extra)
        return self.fixed + max(maps, self._targets(budget - self.fixed))

    @property
    def least(self) -> float:
        """The least budget that does, with the smallest tiles."""
        side = TILE_SIDES[-1] if self.can_tile and max(self.size) > TILE_SIDES[-1] else None
        return min(self.peak(self.size, None, 0.0), self.peak(self.size, side, 0.0))

    def side(self, size: tuple[int, int], budget: float) -> int | None:
        """Side of the largest tiles that fit into a budget; None for the whole picture."""
        left = budget - self.fixed
        return tile_side(self.encoder, self.layers, size, left, extra=self.extra)

    def enlarged(self, ratio: float) -> PaintingMemory:
        """The same painting, with sides that many times as long."""
        height, width = self.size
        weights = min(self.held, encoder_bytes(self.encoder))
        return replace(
            self,
            size=(max(1, round(height * ratio)), max(1, round(width * ratio))),
            held=weights + ratio**2 * (self.held - weights),
            style_pixels=ratio**2 * self.style_pixels,
        )

    def longest_side(self, budget: float, most: int = LONGEST_SIDE) -> int:
        """Long side of the largest painting of this shape that a budget allows; 0 if none does."""
        fits, fails = 0, most + 1
        while fails - fits > 1:
            side = (fits + fails) // 2
            if self.enlarged(side / max(self.size)).least <= budget:
                fits = side
            else:
                fails = side
        return fits

    def check(self, budget: float) -> None:
        """Raise an OptionError if a budget is less than the least that does."""
        if self.least > budget:
            height, width = self.size
            raise OptionError(
                f"{width}×{height} px take at least {_rounded_up(self.least)} of memory with these "
                f"pictures, more than the {_text(budget)} allowed: give {option('memory')} "
                f"{_rounded_up(self.least).replace(' ', '')} or a smaller {option('size')}.",
                got=budget,
                allowed=self.least,
            )

    def _targets(self, left: float) -> float:
        """Bytes of the features of a style picture, from which no gradient is computed.

        Args:
            left: Bytes for feature maps; a style picture that needs more is cut into tiles.
        """
        per_pixel = _FORWARD * self.encoder.bytes_per_pixel(self.layers) + self.extra
        if not self.can_tile:
            return per_pixel * self.style_pixels
        smallest = _outer(TILE_SIDES[-1], self.encoder, self.layers) ** 2
        return min(per_pixel * self.style_pixels, max(left, per_pixel * smallest))


def statistic_bytes(
    name: str | Statistic, encoder: FeatureExtractor, layers: Iterable[str], regions: float
) -> float:
    """Bytes per pixel that a style statistic takes beyond the feature maps.

    Args:
        name: Of the statistic, or a statistic without one.
        encoder: Computes the layers.
        layers: That style compares.
        regions: Sum of the shares of the picture that the regions cover; 0 without regions.
    """
    channels = getattr(encoder, "channels", None)
    if not encoder.has_geometry or channels is None:
        return 0.0
    values: float = sum(channels(layer) / encoder.stride(layer) ** 2 for layer in layers)
    known = name if isinstance(name, str) else ""
    each = _STATISTICS.get(known, _OTHER_STATISTIC)
    maps = 3 * 4 * regions  # weight maps at all layers, and the mask that they are made from
    return values * (each.plain + each.region * regions) + maps


def held_bytes(tensors: Iterable[Tensor | None]) -> float:
    """Bytes of some tensors together, each piece of memory counted once."""
    storages = [tensor.untyped_storage() for tensor in tensors if tensor is not None]
    return float(sum({storage.data_ptr(): storage.nbytes() for storage in storages}.values()))


def encoder_bytes(encoder: FeatureExtractor) -> float:
    """Bytes of an encoder's weights as they are used."""
    return _ENCODER_COPIES * held_bytes(
        value for value in encoder.state_dict().values() if isinstance(value, Tensor)
    )


def check_canvas(
    size: tuple[int, int], optimizer: str, budget: float, *, base: float = BASE_BYTES
) -> None:
    """Refuse a picture of which not even a few copies fit into a budget, before one is made.

    Others are made, and the painting that is planned with them is checked in full.

    Raises:
        OptionError: If they do not fit.
    """
    pixels = size[0] * size[1]
    if base + _COPIES * 12 * pixels > budget:
        least = base + picture_bytes(optimizer, pixels)
        raise OptionError(
            f"{size[1]}×{size[0]} px take at least {_rounded_up(least)} of memory, more than the "
            f"{_text(budget)} allowed: give a smaller {option('size')} or more "
            f"{option('memory')}.",
            got=budget,
            allowed=least,
        )


def check_pixels(size: tuple[int, int], max_pixels: int) -> None:
    """Raise an OptionError for a picture to be made that has more than ``max_pixels``."""
    pixels = size[0] * size[1]
    if pixels > max_pixels:
        raise OptionError(
            f"{size[1]}×{size[0]} px are {pixels} pixels, and at most {max_pixels} are made: give "
            f"a smaller {option('size')}, or {option('max_pixels')} {pixels}."
        )


def picture_bytes(optimizer: str, pixels: int, steps: int | None = None) -> float:
    """Bytes of the optimizer's float32 pictures; for L-BFGS its pairs and a few vectors."""
    pictures = 2 * history_size(pixels, steps) + 15 if optimizer == "lbfgs" else 10
    return float(pictures * 3 * 4 * pixels)


def tile_side(
    encoder: FeatureExtractor,
    layers: Collection[str],
    size: tuple[int, int],
    budget: float,
    *,
    extra: float = 0.0,
) -> int | None:
    """Side of the largest tiles that fit into ``budget`` bytes; None if the whole picture fits."""
    if map_bytes(encoder, layers, size, None, extra=extra) <= budget:
        return None
    for side in TILE_SIDES:
        if side < max(size) and map_bytes(encoder, layers, size, side, extra=extra) <= budget:
            return side
    return TILE_SIDES[-1]


def map_bytes(
    encoder: FeatureExtractor,
    layers: Collection[str],
    size: tuple[int, int],
    side: int | None,
    *,
    extra: float = 0.0,
) -> float:
    """Bytes of the feature maps of a picture, whole (``side`` None) or in tiles of that side.

    Args:
        encoder: Computes the maps.
        layers: That it computes.
        size: Height and width.
        side: Of the tiles.
        extra: Bytes per pixel of statistics.
    """
    height, width = size
    per_pixel = encoder.bytes_per_pixel(layers) + extra
    if side is None:
        return per_pixel * height * width
    outer = _outer(side, encoder, layers)
    return _TILE_FACTOR * per_pixel * min(height, outer) * min(width, outer)


def painting_bytes(
    encoder: FeatureExtractor,
    layers: Collection[str],
    optimizer: str,
    size: tuple[int, int],
    side: int | None = None,
) -> float:
    """Peak bytes of a process that paints a picture, whole or in tiles of that side."""
    return PaintingMemory(encoder, layers, optimizer, size).peak(size, side)


def _outer(side: int, encoder: FeatureExtractor, layers: Collection[str]) -> int:
    return side + 2 * encoder.halo(layers)


def _rounded_up(amount: float) -> str:
    """Gigabytes with one decimal, never too few."""
    return f"{math.ceil(amount / 1e8) / 10:.1f} GB"


def _text(amount: float) -> str:
    return f"{amount / 1e9:.2g} GB" if amount >= 1e8 else f"{amount / 1e6:.0f} MB"
