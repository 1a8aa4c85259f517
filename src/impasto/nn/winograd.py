"""3×3 convolutions with a quarter of the multiplications (Winograd; Lavin & Gray 2016).

A patch of 4×4 units is made from the 6×6 units under it. Patch and filter are evaluated at six
points each way, where convolving is multiplying: 36 products in place of 144 (arXiv:1509.09308,
F(4×4, 3×3)). The transforms are small matrices, so that all of it is matrix products. Rounding
errors are about 1e-5 of the largest value in float32.

The input's gradient is found by the same steps transposed, in reverse order, with the same
transformed filters.
"""

from __future__ import annotations

import functools
import itertools
import time
from collections.abc import Callable
from typing import NamedTuple

import torch
import torch.nn.functional as F
from torch import Tensor

from impasto.nn.padding import folded, padded
from impasto.runtime.threads import in_bands, least_seconds

PATCH = 4
"""Units of the output that are made together, each way."""

_POINTS = PATCH + 2

# Of the points 0, ±1, ±2 and infinity. Input, filter and output: d ↦ B d, g ↦ G g, m ↦ A m.
_INPUT = (
    (4, 0, -5, 0, 1, 0), (0, -4, -4, 1, 1, 0), (0, 4, -4, -1, 1, 0),
    (0, -2, -1, 2, 1, 0), (0, 2, -1, -2, 1, 0), (0, 4, 0, -5, 0, 1),
)  # fmt: skip
_FILTER = (
    (1 / 4, 0, 0), (-1 / 6, -1 / 6, -1 / 6), (-1 / 6, 1 / 6, -1 / 6),
    (1 / 24, 1 / 12, 1 / 6), (1 / 24, -1 / 12, 1 / 6), (0, 0, 1),
)  # fmt: skip
_OUTPUT = ((1, 1, 1, 1, 1, 0), (0, 1, -1, 2, -2, 0), (0, 1, 1, 4, 4, 0), (0, 1, -1, 8, -8, 1))

_LEAST = ((2**15, 12**2), (2**14, 2**15))
"""C_in · C_out and H · W below which the transforms cost what the products save (measured on two
cores: 128 → 128 channels gain a sixth on large maps and nothing on others, 128 → 256 a fifth,
512 → 512 more than half of the time)."""

_NUMBERS, _LEAST_PATCHES = 8192, 96
"""Of one point of a block: patches × channels that stay in the cache, and what a product needs."""


def transform(weight: Tensor) -> Tensor:
    """Filters (C_out, C_in, 3, 3) at the 36 points: (36, C_in, C_out)."""
    matrix = torch.tensor(_FILTER, dtype=weight.dtype, device="cpu")
    points = torch.einsum("ai,ocij,bj->abco", matrix, weight, matrix)
    return points.reshape(_POINTS**2, weight.shape[1], weight.shape[0]).contiguous()


def pays(weight: Tensor, x: Tensor) -> bool:
    """Whether this is the quicker way.

    Args:
        weight: Filters (C_out, C_in, 3, 3).
        x: The input (B, C_in, H, W), without its border.
    """
    channels_out, channels_in = weight.shape[:2]
    return (
        x.dtype == weight.dtype == torch.float32
        and x.device.type == "cpu"
        and any(
            channels_in * channels_out >= filters and x.shape[-2] * x.shape[-1] >= units
            for filters, units in _LEAST
        )
        and is_faster()
    )


@functools.cache
def is_faster() -> bool:
    """Whether it beats torch's own convolution on this machine; takes a tenth of a second, once."""
    shapes = (1, 256, 24, 24), (256, 256, 3, 3)
    x, weight = (torch.ones(shape, device="cpu") for shape in shapes)
    x, weight = (part.to(memory_format=torch.channels_last) for part in (x, weight))
    filters = transform(weight)

    def timed(work: Callable[[], Tensor]) -> float:
        started = time.thread_time()
        work()
        return time.thread_time() - started

    with torch.inference_mode():
        own, theirs = least_seconds(
            [
                lambda: timed(lambda: convolve(x, filters, None, padding="zeros")),
                lambda: timed(lambda: F.conv2d(x, weight, padding=1)),
            ],
            times=9,
        )
    # It takes .5 to .75 of the time where it pays; what is told must not depend on what else runs.
    return own < 1.1 * theirs


def convolve(
    x: Tensor, filters: Tensor, bias: Tensor | None, *, padding: str, rectify: bool = False
) -> Tensor:
    """A 3×3 convolution of the input padded by one unit, followed by a rectifier if told so.

    Args:
        x: (B, C_in, H, W), H and W at least 2.
        filters: Of :func:`transform`.
        bias: (C_out,).
        padding: One of :data:`impasto.nn.padding.BORDERS`.
        rectify: Whether what is below zero becomes zero.

    Returns:
        (B, C_out, H, W), channels last.
    """
    height, width = x.shape[-2:]
    grid = _grid(height, width)
    beyond = PATCH * grid[0] - height, PATCH * grid[1] - width
    source = _windows(padded(x, padding, beyond).permute(0, 2, 3, 1), grid, _POINTS)
    out = x.new_empty(len(x), PATCH * grid[0], PATCH * grid[1], filters.shape[2])
    target = _windows(out, grid, PATCH)
    to_points, to_patch = _matrix(_INPUT, x.dtype), _matrix(_OUTPUT, x.dtype)

    def work(block: _Block, room: _Room) -> None:
        under, patches = source[block.windows], target[block.windows]
        room.under.view(under.shape).copy_(under)
        torch.mm(to_points, room.under, out=room.before)
        room.multiply(filters)
        torch.mm(to_patch, room.after, out=room.patches)
        made = room.patches.view(patches.shape)
        patches.copy_(made) if bias is None else torch.add(made, bias, out=patches)
        if rectify:
            patches.clamp_min_(0)

    _each_block(source, target, work)
    return out[:, :height, :width].contiguous().permute(0, 3, 1, 2)


def convolve_back(gradient: Tensor, filters: Tensor, *, padding: str) -> Tensor:
    """The gradient of the input of :func:`convolve`, from that of its result before the rectifier.

    Args:
        gradient: (B, C_out, H, W).
        filters: As there.
        padding: As there.

    Returns:
        (B, C_in, H, W).
    """
    batch, _, height, width = gradient.shape
    down, across = grid = _grid(height, width)
    beyond = 0, PATCH * across - width, 0, PATCH * down - height
    gradient = F.pad(gradient, beyond) if any(beyond) else gradient
    target = _windows(gradient.permute(0, 2, 3, 1), grid, PATCH)
    back = gradient.new_zeros(batch, PATCH * down + 2, PATCH * across + 2, filters.shape[1])
    source = _windows(back, grid, _POINTS)
    to_points, to_patch = _matrix(_INPUT, filters.dtype), _matrix(_OUTPUT, filters.dtype)
    late: dict[tuple[int, int], tuple[Tensor, Tensor]] = {}

    def work(block: _Block, room: _Room) -> None:
        under, patches = source[block.windows], target[block.windows]
        room.patches.view(patches.shape).copy_(patches)
        torch.mm(to_patch.mT, room.patches, out=room.after)
        room.multiply_back(filters)
        torch.mm(to_points.mT, room.before, out=room.under)
        values = room.under.view(under.shape)
        _add(under[:PATCH], values[:PATCH])
        own = under.shape[3] - block.is_last
        _add(under[PATCH:, :, :, :own], values[PATCH:, :, :, :own])
        if block.is_last:
            *_, rows, columns = block.windows
            late[rows.stop, columns.start] = (
                under[PATCH:, :, :, own:],
                values[PATCH:, :, :, own:].clone(),
            )

    _each_block(source, target, work)
    # The last windows of a band overlap the first of the next in two rows. These come at the end,
    # whichever band was first: sums depend on their order, by rounding.
    for place in sorted(late):
        _add(*late[place])
    return folded(back.permute(0, 3, 1, 2), padding, (height, width))


def _grid(height: int, width: int) -> tuple[int, int]:
    """Rows and columns of patches that cover a map."""
    return -(-height // PATCH), -(-width // PATCH)


def _add(under: Tensor, values: Tensor) -> None:
    """Add to rows of windows that overlap sideways: part by part, so that none meets another."""
    for columns in (slice(0, PATCH), slice(PATCH, None)):
        under[:, columns] += values[:, columns]


class _Room(NamedTuple):
    """Memory for one block of patches, used again for the next; a row a point or a unit."""

    under: Tensor  # (36, patches · C_in): what lies under the patches
    before: Tensor  # (36, patches · C_in): the same at the points
    after: Tensor  # (36, patches · C_out): filtered
    patches: Tensor  # (16, patches · C_out): the patches

    def multiply(self, filters: Tensor) -> None:
        points, channels_in, channels_out = filters.shape
        after = self.after.view(points, -1, channels_out)
        torch.bmm(self.before.view(points, -1, channels_in), filters, out=after)

    def multiply_back(self, filters: Tensor) -> None:
        points, channels_in, channels_out = filters.shape
        before = self.before.view(points, -1, channels_in)
        torch.bmm(self.after.view(points, -1, channels_out), filters.mT, out=before)


class _Block(NamedTuple):
    """Some of the windows."""

    windows: tuple[slice, ...]
    is_last: bool  # whether another band begins below


def _each_block(source: Tensor, target: Tensor, work: Callable[[_Block, _Room], None]) -> None:
    """Work through all windows in blocks that fit into the cache, with room to work in.

    Args:
        source: Windows of the input.
        target: Those of the output.
        work: Called with each block, by several threads at once.
    """
    _, _, batch, down, across, channels_in = source.shape
    channels_out = target.shape[-1]
    most = max(_LEAST_PATCHES, _NUMBERS // max(channels_in, channels_out))
    columns = min(across, max(1, most // batch))
    rows = min(down, max(1, most // (batch * columns)))
    heights = (_POINTS**2, _POINTS**2, _POINTS**2, PATCH**2)
    widths = (channels_in, channels_in, channels_out, channels_out)
    sizes = [height * width for height, width in zip(heights, widths, strict=True)]
    is_large = batch * down * across > 2 * most
    threads = torch.get_num_threads() if is_large else 1
    spaces = source.new_empty(threads, sum(sizes) * batch * rows * columns)

    def blocks(band: range, number: int) -> None:
        step = -(-len(band) // -(-len(band) // rows))  # about equal ones
        for top, left in itertools.product(band[::step], range(0, across, columns)):
            below, right = min(top + step, band.stop), min(left + columns, across)
            count = batch * (below - top) * (right - left)
            used = spaces[number, : sum(sizes) * count]
            space = torch.split(used, [size * count for size in sizes])
            parts = zip(space, heights, strict=True)
            room = _Room(*(part.view(height, -1) for part, height in parts))
            every = slice(None)
            windows = every, every, every, slice(top, below), slice(left, right)
            work(_Block(windows, below == band.stop), room)

    if is_large:
        in_bands(down, blocks)
    else:  # the filters are most of what is read: each once, by all threads together
        blocks(range(down), 0)


def _windows(x: Tensor, grid: tuple[int, int], side: int) -> Tensor:
    """Views of ``side`` by ``side`` units, four apart: (side, side, B, rows, columns, C).

    Args:
        x: (B, H, W, C).
        grid: Rows and columns of windows.
        side: Of a window; beyond ``PATCH`` they overlap.
    """
    batch, down, across, channel = x.stride()
    strides = (down, across, batch, PATCH * down, PATCH * across, channel)
    return x.as_strided((side, side, x.shape[0], *grid, x.shape[3]), strides)


@functools.cache
def _matrix(rows: tuple[tuple[float, ...], ...], dtype: torch.dtype) -> Tensor:
    """A transform of both ways at once, for the units and points of a window in one row."""
    matrix = torch.tensor(rows, dtype=dtype, device="cpu")
    return torch.kron(matrix, matrix)
