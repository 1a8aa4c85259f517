"""How many bytes the feature maps and the optimizer of a painting take."""

from __future__ import annotations

import torch

from impasto.encoders.vgg import BARE, Encoder
from impasto.objective.terms import EncoderLike
from impasto.objective.tiles import halo_of
from impasto.optim.lbfgs import history_size
from impasto.runtime.memory import BASE_BYTES

SIDES = (4096, 3072, 2048, 1536, 1024, 768, 512, 384, 256, 128)
"""Of tiles, halo not counted."""


_CUTTING = 1.8
"""Times the memory per pixel in a tile: the cores cut out of its maps are copies (measured)."""


def picture_bytes(optimizer: str, pixels: int) -> float:
    """What the optimizer holds: pictures in float32, of L-BFGS its pairs and a few vectors."""
    pictures = 2 * history_size(pixels) + 18 if optimizer == "lbfgs" else 10
    return float(pictures * 3 * 4 * pixels)


def bytes_per_pixel(encoder: Encoder, layers: tuple[str, ...]) -> float:
    """Bytes of feature maps there and back, per pixel of the picture.

    Each convolution's output is kept, and its padded input and gradient come and go; a layer that
    is compared is held in float32 as well, with its gradient. A bound: of all convolutions, not of
    those that are in flight at once.
    """
    size = torch.finfo(encoder.dtype).bits // 8
    until = max((encoder.depth(name) for name in layers), default=-1)
    total = 0.0
    for name in encoder.layers[: until + 1]:
        area = encoder.stride(name) ** 2
        if name in encoder.architecture.convolutions:
            channels_in, channels_out = encoder.architecture.convolutions[name]
            total += size * (channels_in + 2 * channels_out) / area
        if name in layers or BARE + name in layers:
            total += (size + 3 * 4) * encoder.channels(name) / area
    return total


def tile_side(
    encoder: Encoder, layers: tuple[str, ...], size: tuple[int, int], budget: float
) -> int | None:
    """The side of the largest tiles that fit; None where the whole picture does.

    Args:
        encoder: That the picture goes through.
        layers: That are asked for.
        size: Height and width of the picture.
        budget: Bytes for feature maps.
    """
    if map_bytes(encoder, layers, size, None) <= budget:
        return None
    for side in SIDES:
        if side < max(size) and map_bytes(encoder, layers, size, side) <= budget:
            return side
    return SIDES[-1]


def map_bytes(
    encoder: Encoder, layers: tuple[str, ...], size: tuple[int, int], side: int | None
) -> float:
    """What the feature maps of a picture take, whole or in tiles of that side."""
    height, width = size
    per_pixel = bytes_per_pixel(encoder, layers)
    if side is None:
        return per_pixel * height * width
    halo = halo_of(layers, encoder)
    outer = min(height, side + 2 * halo) * min(width, side + 2 * halo)
    return _CUTTING * per_pixel * outer


def painting_bytes(
    encoder: EncoderLike,
    layers: tuple[str, ...],
    optimizer: str,
    size: tuple[int, int],
    side: int | None = None,
) -> float:
    """What a process takes that paints a picture, whole or in tiles of that side."""
    held = BASE_BYTES + picture_bytes(optimizer, size[0] * size[1])
    if isinstance(encoder, Encoder) and layers:
        held += map_bytes(encoder, layers, size, side)
    return held
