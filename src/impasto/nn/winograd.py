"""3×3 convolutions with a quarter of the multiplications (Winograd; Lavin & Gray 2016).

A patch of 4×4 output units depends on a window of 6×6 input units. Window and filter are evaluated
at six points each way, where convolution is multiplication: 36 products instead of 144
(arXiv:1509.09308, F(4×4, 3×3)). The transforms are small matrices, so all of it is matrix products.
Rounding errors are about 1e-5 of the largest value in float32. The input's gradient takes the same
steps transposed, in reverse order, with the same transformed filters.

CPU time of a forward and backward pass in float32 through the default recipe's layers, as a share
of the time with torch's convolutions (AVX2 and AVX-512 alike): VGG-19 0.67 at 256 px and 0.62 at
512 px; the default encoder, ``compact``, 0.92 at 2048 px. At 1024 px and below the maps of
``compact`` are too small for this to be used. In bf16, the default on CPUs with it, it never is.
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

from impasto.nn.padding import pad, pad_backward
from impasto.runtime.threads import best_seconds, parallel_for

PATCH = 4
"""Height and width of a patch: output units computed together."""

_POINTS = PATCH + 2
"""Points each way, and height and width of a window."""

# For the points 0, ±1, ±2 and infinity. Input, filter and output: d ↦ B d, g ↦ G g, m ↦ A m.
_INPUT = (
    (4, 0, -5, 0, 1, 0), (0, -4, -4, 1, 1, 0), (0, 4, -4, -1, 1, 0),
    (0, -2, -1, 2, 1, 0), (0, 2, -1, -2, 1, 0), (0, 4, 0, -5, 0, 1),
)  # fmt: skip
_FILTER = (
    (1 / 4, 0, 0), (-1 / 6, -1 / 6, -1 / 6), (-1 / 6, 1 / 6, -1 / 6),
    (1 / 24, 1 / 12, 1 / 6), (1 / 24, -1 / 12, 1 / 6), (0, 0, 1),
)  # fmt: skip
_OUTPUT = ((1, 1, 1, 1, 1, 0), (0, 1, -1, 2, -2, 0), (0, 1, 1, 4, 4, 0), (0, 1, -1, 8, -8, 1))

_MINIMA = ((2**15, 12**2), (2**14, 2**15))
"""Pairs of C_in · C_out and H · W from which the products save more than the transforms cost.
Measured on two cores: 128 → 128 channels save a sixth of the time on large maps and nothing on
others, 128 → 256 a fifth, 512 → 512 more than half."""

_BLOCK_ELEMENTS, _MIN_PATCHES = 8192, 96
"""Per point of a block: patches × channels that fit in the cache, and the patches that a matrix
product needs to be fast."""


def transform(weight: Tensor) -> Tensor:
    """Filters (C_out, C_in, 3, 3) evaluated at the 36 points: (36, C_in, C_out)."""
    matrix = torch.tensor(_FILTER, dtype=weight.dtype, device="cpu")
    points = torch.einsum("ai,ocij,bj->abco", matrix, weight, matrix)
    return points.reshape(_POINTS**2, weight.shape[1], weight.shape[0]).contiguous()


def is_worthwhile(weight: Tensor, x: Tensor) -> bool:
    """Whether this is faster than torch's own convolution.

    Args:
        weight: Filters (C_out, C_in, 3, 3).
        x: The input (B, C_in, H, W) before padding.
    """
    channels_out, channels_in = weight.shape[:2]
    return (
        x.dtype == weight.dtype == torch.float32
        and x.device.type == "cpu"
        and any(
            channels_in * channels_out >= filters and x.shape[-2] * x.shape[-1] >= units
            for filters, units in _MINIMA
        )
        and is_faster()
    )


@functools.cache
def is_faster() -> bool:
    """Whether it beats torch's convolution on this machine; takes a tenth of a second, once."""
    shapes = (1, 256, 24, 24), (256, 256, 3, 3)
    x, weight = (torch.ones(shape, device="cpu") for shape in shapes)
    x, weight = (part.to(memory_format=torch.channels_last) for part in (x, weight))
    filters = transform(weight)

    def seconds(compute: Callable[[], Tensor]) -> float:
        started = time.thread_time()
        compute()
        return time.thread_time() - started

    with torch.inference_mode():
        ours, torchs = best_seconds(
            [
                lambda: seconds(lambda: convolve(x, filters, None, padding="zeros")),
                lambda: seconds(lambda: F.conv2d(x, weight, padding=1)),
            ],
            times=9,
        )
    # Where it is faster it takes 0.5 to 0.75 of the time. The margin makes the answer the same
    # whatever else the machine does.
    return ours < 1.1 * torchs


def convolve(
    x: Tensor, filters: Tensor, bias: Tensor | None, *, padding: str, relu: bool = False
) -> Tensor:
    """A 3×3 convolution of the input padded by one unit, optionally followed by ReLU.

    Args:
        x: (B, C_in, H, W), H and W at least 2.
        filters: (36, C_in, C_out), from :func:`transform`.
        bias: (C_out,).
        padding: One of :data:`impasto.nn.padding.PADDING_MODES`.
        relu: Whether to apply ReLU.

    Returns:
        (B, C_out, H, W), channels last.
    """
    height, width = x.shape[-2:]
    grid = _grid(height, width)
    extra = PATCH * grid[0] - height, PATCH * grid[1] - width
    windows = _windows(pad(x, padding, extra).permute(0, 2, 3, 1), grid, _POINTS)
    out = x.new_empty(len(x), PATCH * grid[0], PATCH * grid[1], filters.shape[2])
    patches = _windows(out, grid, PATCH)
    to_points, to_patch = _matrix(_INPUT, x.dtype), _matrix(_OUTPUT, x.dtype)

    def compute(block: _Block, space: _Workspace) -> None:
        source, target = windows[block.slices], patches[block.slices]
        space.windows.view(source.shape).copy_(source)
        torch.mm(to_points, space.windows, out=space.inputs)
        space.multiply(filters)
        torch.mm(to_patch, space.outputs, out=space.patches)
        result = space.patches.view(target.shape)
        target.copy_(result) if bias is None else torch.add(result, bias, out=target)
        if relu:
            target.clamp_min_(0)

    _for_each_block(windows, patches, compute)
    return out[:, :height, :width].contiguous().permute(0, 3, 1, 2)


def convolve_backward(gradient: Tensor, filters: Tensor, *, padding: str) -> Tensor:
    """The input's gradient of :func:`convolve`, from that of the result before ReLU.

    Args:
        gradient: (B, C_out, H, W).
        filters: (36, C_in, C_out), from :func:`transform`.
        padding: One of :data:`impasto.nn.padding.PADDING_MODES`.

    Returns:
        (B, C_in, H, W).
    """
    batch, _, height, width = gradient.shape
    down, across = grid = _grid(height, width)
    extra = 0, PATCH * across - width, 0, PATCH * down - height
    gradient = F.pad(gradient, extra) if any(extra) else gradient
    patches = _windows(gradient.permute(0, 2, 3, 1), grid, PATCH)
    padded = gradient.new_zeros(batch, PATCH * down + 2, PATCH * across + 2, filters.shape[1])
    windows = _windows(padded, grid, _POINTS)
    to_points, to_patch = _matrix(_INPUT, filters.dtype), _matrix(_OUTPUT, filters.dtype)
    deferred: dict[tuple[int, int], tuple[Tensor, Tensor]] = {}

    def compute(block: _Block, space: _Workspace) -> None:
        target, source = windows[block.slices], patches[block.slices]
        space.patches.view(source.shape).copy_(source)
        torch.mm(to_patch.mT, space.patches, out=space.outputs)
        space.multiply_backward(filters)
        torch.mm(to_points.mT, space.inputs, out=space.windows)
        values = space.windows.view(target.shape)
        _add(target[:PATCH], values[:PATCH])
        unshared = target.shape[3] - block.is_last
        _add(target[PATCH:, :, :, :unshared], values[PATCH:, :, :, :unshared])
        if block.is_last:
            *_, rows, columns = block.slices
            deferred[rows.stop, columns.start] = (
                target[PATCH:, :, :, unshared:],
                values[PATCH:, :, :, unshared:].clone(),
            )

    _for_each_block(windows, patches, compute)
    # The last windows of one thread overlap the first of the next in two rows. These are added at
    # the end in a fixed order, because the rounding of a sum depends on its order.
    for place in sorted(deferred):
        _add(*deferred[place])
    return pad_backward(padded.permute(0, 3, 1, 2), padding, (height, width))


def _grid(height: int, width: int) -> tuple[int, int]:
    """Rows and columns of patches that cover a map."""
    return -(-height // PATCH), -(-width // PATCH)


def _add(windows: Tensor, values: Tensor) -> None:
    """Add to windows that overlap sideways, in two parts within which none overlap."""
    for columns in (slice(0, PATCH), slice(PATCH, None)):
        windows[:, columns] += values[:, columns]


class _Workspace(NamedTuple):
    """Memory for one block of n patches, reused for the next.

    Attributes:
        windows: Input windows (36, n · C_in).
        inputs: The windows at the points (36, n · C_in).
        outputs: The filtered windows at the points (36, n · C_out).
        patches: Output patches (16, n · C_out).
    """

    windows: Tensor
    inputs: Tensor
    outputs: Tensor
    patches: Tensor

    def multiply(self, filters: Tensor) -> None:
        points, channels_in, channels_out = filters.shape
        outputs = self.outputs.view(points, -1, channels_out)
        torch.bmm(self.inputs.view(points, -1, channels_in), filters, out=outputs)

    def multiply_backward(self, filters: Tensor) -> None:
        points, channels_in, channels_out = filters.shape
        inputs = self.inputs.view(points, -1, channels_in)
        torch.bmm(self.outputs.view(points, -1, channels_out), filters.mT, out=inputs)


class _Block(NamedTuple):
    """Neighbouring patches and their windows.

    Attributes:
        slices: Select them in the tensors of :func:`_windows`.
        is_last: Whether the next row of windows belongs to another thread's range.
    """

    slices: tuple[slice, ...]
    is_last: bool


def _for_each_block(
    windows: Tensor, patches: Tensor, compute: Callable[[_Block, _Workspace], None]
) -> None:
    """Compute all patches in blocks that fit in the cache.

    Args:
        windows: Windows of the input, from :func:`_windows`.
        patches: Patches of the output, from :func:`_windows`.
        compute: Called with each block, by several threads at once.
    """
    _, _, batch, down, across, channels_in = windows.shape
    channels_out = patches.shape[-1]
    most = max(_MIN_PATCHES, _BLOCK_ELEMENTS // max(channels_in, channels_out))
    columns = min(across, max(1, most // batch))
    rows = min(down, max(1, most // (batch * columns)))
    heights = (_POINTS**2, _POINTS**2, _POINTS**2, PATCH**2)
    widths = (channels_in, channels_in, channels_out, channels_out)
    sizes = [height * width for height, width in zip(heights, widths, strict=True)]
    is_large = batch * down * across > 2 * most
    threads = torch.get_num_threads() if is_large else 1
    spaces = windows.new_empty(threads, sum(sizes) * batch * rows * columns)

    def compute_rows(thread_rows: range, thread: int) -> None:
        step = -(-len(thread_rows) // -(-len(thread_rows) // rows))  # blocks of about equal height
        for top, left in itertools.product(thread_rows[::step], range(0, across, columns)):
            bottom, right = min(top + step, thread_rows.stop), min(left + columns, across)
            count = batch * (bottom - top) * (right - left)
            used = spaces[thread, : sum(sizes) * count]
            parts = torch.split(used, [size * count for size in sizes])
            shaped = (part.view(height, -1) for part, height in zip(parts, heights, strict=True))
            every = slice(None)
            slices = every, every, every, slice(top, bottom), slice(left, right)
            compute(_Block(slices, bottom == thread_rows.stop), _Workspace(*shaped))

    if is_large:
        parallel_for(down, compute_rows)
    else:  # most of the reads are filters: each is read once, by all threads together
        compute_rows(range(down), 0)


def _windows(x: Tensor, grid: tuple[int, int], side: int) -> Tensor:
    """A view of ``x`` as windows, ``PATCH`` units apart.

    Args:
        x: (B, H, W, C).
        grid: Rows and columns of windows.
        side: Height and width of a window; above ``PATCH`` they overlap.

    Returns:
        (side, side, B, rows, columns, C).
    """
    batch, down, across, channel = x.stride()
    strides = (down, across, batch, PATCH * down, PATCH * across, channel)
    return x.as_strided((side, side, x.shape[0], *grid, x.shape[3]), strides)


@functools.cache
def _matrix(rows: tuple[tuple[float, ...], ...], dtype: torch.dtype) -> Tensor:
    """A transform along both axes at once, for windows or points flattened to one axis."""
    matrix = torch.tensor(rows, dtype=dtype, device="cpu")
    return torch.kron(matrix, matrix)
