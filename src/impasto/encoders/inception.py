"""Inception-v3 up to its 2048 pooled features, for Fréchet distances.

Szegedy et al. 2016, "Rethinking the Inception architecture for computer vision", arXiv:1512.00567,
with the names and small deviations of torchvision, for which the published weights were trained.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from impasto.errors import ImageError

MINIMUM_SIDE = 75
"""The smallest width and height of an image, in pixels: one position at the deepest layer."""


@dataclass(frozen=True)
class Conv:
    """A convolution without bias, batch normalization with stored statistics, and a rectifier.

    Attributes:
        name: As in torchvision.
        width: Channels out.
        kernel: Height and width.
        stride: Of both axes.
        is_padded: Whether it keeps the size at a stride of 1.
    """

    name: str
    width: int
    kernel: tuple[int, int] = (1, 1)
    stride: int = 1
    is_padded: bool = True


Branch = tuple["Conv | tuple[Conv, ...] | str", ...]
"""Consecutive steps: a convolution, several in parallel, or a pooling."""

AVERAGE, MAX = "average", "max"
"""3×3 poolings: the average at stride 1, which counts zeros outside; the maximum at stride 2."""


def _a(pooled: int) -> tuple[Branch, ...]:
    return (
        (Conv("branch1x1", 64),),
        (Conv("branch5x5_1", 48), Conv("branch5x5_2", 64, (5, 5))),
        (
            Conv("branch3x3dbl_1", 64),
            Conv("branch3x3dbl_2", 96, (3, 3)),
            Conv("branch3x3dbl_3", 96, (3, 3)),
        ),
        (AVERAGE, Conv("branch_pool", pooled)),
    )


def _b() -> tuple[Branch, ...]:
    return (
        (Conv("branch3x3", 384, (3, 3), 2, False),),
        (
            Conv("branch3x3dbl_1", 64),
            Conv("branch3x3dbl_2", 96, (3, 3)),
            Conv("branch3x3dbl_3", 96, (3, 3), 2, False),
        ),
        (MAX,),
    )


def _c(inner: int) -> tuple[Branch, ...]:
    across, down = (1, 7), (7, 1)
    return (
        (Conv("branch1x1", 192),),
        (
            Conv("branch7x7_1", inner),
            Conv("branch7x7_2", inner, across),
            Conv("branch7x7_3", 192, down),
        ),
        (
            Conv("branch7x7dbl_1", inner),
            Conv("branch7x7dbl_2", inner, down),
            Conv("branch7x7dbl_3", inner, across),
            Conv("branch7x7dbl_4", inner, down),
            Conv("branch7x7dbl_5", 192, across),
        ),
        (AVERAGE, Conv("branch_pool", 192)),
    )


def _d() -> tuple[Branch, ...]:
    return (
        (Conv("branch3x3_1", 192), Conv("branch3x3_2", 320, (3, 3), 2, False)),
        (
            Conv("branch7x7x3_1", 192),
            Conv("branch7x7x3_2", 192, (1, 7)),
            Conv("branch7x7x3_3", 192, (7, 1)),
            Conv("branch7x7x3_4", 192, (3, 3), 2, False),
        ),
        (MAX,),
    )


def _e() -> tuple[Branch, ...]:
    return (
        (Conv("branch1x1", 320),),
        (
            Conv("branch3x3_1", 384),
            (Conv("branch3x3_2a", 384, (1, 3)), Conv("branch3x3_2b", 384, (3, 1))),
        ),
        (
            Conv("branch3x3dbl_1", 448),
            Conv("branch3x3dbl_2", 384, (3, 3)),
            (Conv("branch3x3dbl_3a", 384, (1, 3)), Conv("branch3x3dbl_3b", 384, (3, 1))),
        ),
        (AVERAGE, Conv("branch_pool", 192)),
    )


STEM: Branch = (
    Conv("Conv2d_1a_3x3", 32, (3, 3), 2, False),
    Conv("Conv2d_2a_3x3", 32, (3, 3), 1, False),
    Conv("Conv2d_2b_3x3", 64, (3, 3)),
    MAX,
    Conv("Conv2d_3b_1x1", 80),
    Conv("Conv2d_4a_3x3", 192, (3, 3), 1, False),
    MAX,
)

BLOCKS: Mapping[str, tuple[Branch, ...]] = {
    "Mixed_5b": _a(32),
    "Mixed_5c": _a(64),
    "Mixed_5d": _a(64),
    "Mixed_6a": _b(),
    "Mixed_6b": _c(128),
    "Mixed_6c": _c(160),
    "Mixed_6d": _c(160),
    "Mixed_6e": _c(192),
    "Mixed_7a": _d(),
    "Mixed_7b": _e(),
    "Mixed_7c": _e(),
}
"""Consecutive blocks after the stem; a block concatenates its branches, which share one input."""


class Inception(nn.Module):
    """The feature layers of Inception-v3, with torchvision's names."""

    def __init__(self) -> None:
        super().__init__()
        channels = _add_branch(self, STEM, 3)
        for name, branches in BLOCKS.items():
            block = nn.Module()
            channels = sum([_add_branch(block, branch, channels) for branch in branches])
            self.add_module(name, block)

    def forward(self, picture: Tensor) -> Tensor:
        """Features of pictures: the last layer averaged over positions, (B, 2048).

        Args:
            picture: (B, 3, H, W), sRGB in [0, 1], the range of the training; not resized.

        Raises:
            ImageError: For a side of fewer than ``MINIMUM_SIDE`` pixels.
        """
        height, width = picture.shape[-2:]
        if min(height, width) < MINIMUM_SIDE:
            raise ImageError(
                f"A picture of {width}×{height} px is too small for Inception-v3: it needs at "
                f"least {MINIMUM_SIDE} px each way."
            )
        x = _run_branch(self, STEM, picture)
        for name, branches in BLOCKS.items():
            block = self.get_submodule(name)
            x = torch.cat([_run_branch(block, branch, x) for branch in branches], 1)
        return x.mean((2, 3))


class _Convolution(nn.Module):
    """The module that a ``Conv`` describes."""

    def __init__(self, channels: int, conv: Conv) -> None:
        super().__init__()
        height, width = conv.kernel
        padding = (height // 2, width // 2) if conv.is_padded else (0, 0)
        self.conv = nn.Conv2d(channels, conv.width, conv.kernel, conv.stride, padding, bias=False)
        self.bn = _Normalization(conv.width)

    def forward(self, x: Tensor) -> Tensor:
        return F.relu(self.bn(self.conv(x)), inplace=True)


class _Normalization(nn.Module):
    """Batch normalization with stored statistics, in training mode as well."""

    running_mean: Tensor
    running_var: Tensor

    def __init__(self, width: int) -> None:
        super().__init__()
        self.weight, self.bias = (nn.Parameter(value(width)) for value in (torch.ones, torch.zeros))
        self.register_buffer("running_mean", torch.zeros(width))
        self.register_buffer("running_var", torch.ones(width))

    def forward(self, x: Tensor) -> Tensor:
        return F.batch_norm(
            x, self.running_mean, self.running_var, self.weight, self.bias, eps=0.001
        )


def _add_branch(parent: nn.Module, branch: Branch, channels: int) -> int:
    """Add the convolutions of a branch to ``parent`` and return the branch's output channels."""
    for step in branch:
        if isinstance(step, str):
            continue
        parallel = (step,) if isinstance(step, Conv) else step
        for conv in parallel:
            parent.add_module(conv.name, _Convolution(channels, conv))
        channels = sum(conv.width for conv in parallel)
    return channels


def _run_branch(parent: nn.Module, branch: Branch, x: Tensor) -> Tensor:
    for step in branch:
        if step == AVERAGE:
            x = F.avg_pool2d(x, 3, stride=1, padding=1)
        elif step == MAX:
            x = F.max_pool2d(x, 3, stride=2)
        elif isinstance(step, Conv):
            x = parent.get_submodule(step.name)(x)
        else:
            assert not isinstance(step, str)
            x = torch.cat([parent.get_submodule(conv.name)(x) for conv in step], 1)
    return x
