"""Peak memory of a painting, from the optimizer's pictures and the encoder's feature maps."""

from __future__ import annotations

from collections.abc import Collection

from impasto.encoders.protocol import FeatureExtractor
from impasto.optim.lbfgs import history_size
from impasto.runtime.memory import BASE_BYTES

TILE_SIDES = (4096, 3072, 2048, 1536, 1024, 768, 512, 384, 256, 128)
"""Sides of tiles in pixels, without the halo."""

_TILE_FACTOR = 1.8
"""Memory per pixel in a tile, relative to a whole picture: cutting cores copies them (measured)."""


def picture_bytes(optimizer: str, pixels: int) -> float:
    """Bytes of the optimizer's float32 pictures; for L-BFGS its pairs and a few vectors."""
    pictures = 2 * history_size(pixels) + 18 if optimizer == "lbfgs" else 10
    return float(pictures * 3 * 4 * pixels)


def tile_side(
    encoder: FeatureExtractor, layers: Collection[str], size: tuple[int, int], budget: float
) -> int | None:
    """Side of the largest tiles that fit into ``budget`` bytes; None if the whole picture fits."""
    if map_bytes(encoder, layers, size, None) <= budget:
        return None
    for side in TILE_SIDES:
        if side < max(size) and map_bytes(encoder, layers, size, side) <= budget:
            return side
    return TILE_SIDES[-1]


def map_bytes(
    encoder: FeatureExtractor, layers: Collection[str], size: tuple[int, int], side: int | None
) -> float:
    """Bytes of the feature maps of a picture, whole (``side`` None) or in tiles of that side."""
    height, width = size
    per_pixel = encoder.bytes_per_pixel(layers)
    if side is None:
        return per_pixel * height * width
    halo = encoder.halo(layers)
    outer = min(height, side + 2 * halo) * min(width, side + 2 * halo)
    return _TILE_FACTOR * per_pixel * outer


def painting_bytes(
    encoder: FeatureExtractor,
    layers: Collection[str],
    optimizer: str,
    size: tuple[int, int],
    side: int | None = None,
) -> float:
    """Peak bytes of a process that paints a picture, whole or in tiles of that side."""
    pictures = picture_bytes(optimizer, size[0] * size[1])
    return BASE_BYTES + pictures + map_bytes(encoder, layers, size, side)
