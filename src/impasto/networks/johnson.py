"""The image transformation network of Johnson et al. 2016 (arXiv:1603.08155), as used today.

Three later improvements are included. Instance normalization replaces batch normalization (Ulyanov
et al. 2016, arXiv:1607.08022). Reflection replaces zero padding, nearest-neighbour upsampling and a
convolution each transposed convolution, and a sigmoid the scaled tanh (Dumoulin et al. 2017,
arXiv:1610.07629). The style vector holds γ and β of every normalization: one vector makes Johnson's
network, several make Dumoulin's conditional instance normalization.
"""

from __future__ import annotations

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from impasto.images.picture import as_float, match_dtype
from impasto.networks.base import Affine, StyledNetwork
from impasto.networks.kind import shape_kind
from impasto.networks.normalization import Moments, StagedForward, normalize
from impasto.networks.shapes import JohnsonShape as JohnsonShape
from impasto.nn.convolution import Convolution

_MOMENTS = "_moments"

MOMENTUM = 0.1
"""Weight of the newest batch in the running moments: PyTorch's default."""


class JohnsonNetwork(StyledNetwork):
    """Content picture and style vector in, painted picture out: (B, 3, H, W) in [0, 1] both.

    Pictures are at least 5 pixels high and wide, which reflection needs.
    """

    kind = "johnson"
    stride = 4

    def __init__(self, shape: JohnsonShape | None = None) -> None:
        super().__init__()
        self.shape = shape = shape or JohnsonShape()
        full, half, quarter = shape.widths
        # No biases: each would be subtracted again with the mean.
        self.add_modulated("first", nn.Conv2d(3, full, 9, bias=False), 1)
        self.add_modulated("smaller", nn.Conv2d(full, half, 3, stride=2, bias=False), 2)
        self.add_modulated("smallest", nn.Conv2d(half, quarter, 3, stride=2, bias=False), 4)
        for index in range(shape.blocks):
            self.add_modulated(f"block{index}a", Convolution(quarter, quarter, 3, bias=False), 4)
            self.add_modulated(f"block{index}b", Convolution(quarter, quarter, 3, bias=False), 4)
        self.add_modulated("larger", Convolution(quarter, half, 3, bias=False), 2)
        self.add_modulated("largest", Convolution(half, full, 3, bias=False), 1)
        self.add_plain("picture", nn.Conv2d(full, 3, 9))
        self.to(memory_format=torch.channels_last)  # type: ignore[call-overload]

    @property
    def halo(self) -> int:  # type: ignore[override]
        """How far a pixel sees to its left, where strided convolutions see one unit farther."""
        reach = 4 + 1  # picture, largest
        reach = _at_half_size(reach) + 1  # larger
        reach = _at_half_size(reach) + 2 * self.shape.blocks
        return 2 * (2 * reach + 1) + 1 + 4  # smallest, smaller, first

    @property
    def running_moments(self) -> list[Tensor]:
        """The running averages of batch normalization."""
        return [buffer for name, buffer in self.named_buffers() if name.endswith(_MOMENTS)]

    def add_modulated(self, name: str, convolution: nn.Conv2d, stride: int) -> None:
        """See :class:`StyledNetwork`; batch normalization also keeps moments of the output."""
        super().add_modulated(name, convolution, stride)
        if self.shape.norm == "batch":
            width = convolution.out_channels
            start = torch.stack([torch.zeros(width), torch.ones(width)])
            self.register_buffer(name + _MOMENTS, start)

    def staged_forward(
        self, image: Tensor, style: Affine, *, origin: tuple[int, int] = (0, 0)
    ) -> StagedForward:
        """See :class:`StyledNetwork`; batch normalization yields nothing in evaluation mode."""
        x = as_float(image).to(self.dtype)
        x = x.contiguous(memory_format=torch.channels_last)
        for name in ("first", "smaller", "smallest"):
            # Assigned to x before the yield: a paused pass then holds no earlier map.
            x = self.convolve(name, x)
            x = F.relu_((yield from self.modulate(name, x, style)))
        for index in range(self.shape.blocks):
            first, second = f"block{index}a", f"block{index}b"
            inner = F.relu_((yield from self.modulate(first, self.convolve(first, x), style)))
            # No ReLU after the sum (Gross & Wilber 2016, whom Johnson et al. follow).
            x = x + (yield from self.modulate(second, self.convolve(second, inner), style))
        for name in ("larger", "largest"):
            x = self.convolve(name, F.interpolate(x, scale_factor=2, mode="nearest"))
            x = F.relu_((yield from self.modulate(name, x, style)))
        return match_dtype(torch.sigmoid(self.convolve("picture", x).float()), image)

    def modulate(self, name: str, x: Tensor, style: Affine) -> StagedForward:
        """See :class:`StyledNetwork`.

        Batch normalization keeps running averages of mean and mean square, not of the variance as
        PyTorch does: averages of means tend to the moments over all pictures.
        """
        if self.shape.norm == "instance":
            return (yield from super().modulate(name, x, style))
        running = self.get_buffer(name + _MOMENTS)
        if not self.training:
            return normalize(x, Moments(*running[:, None].float()), *style[name], overwrite=True)
        # The maps of a batch have one size: the mean of their moments is that of the batch.
        moments = Moments(*(moment.mean(0, keepdim=True) for moment in (yield x)))
        with torch.no_grad():
            running.lerp_(torch.cat(moments).to(running.dtype), MOMENTUM)
        return normalize(x, moments, *style[name], overwrite=True)


def _at_half_size(reach: int) -> int:
    """Units at half the size that contain ``reach`` units, the last perhaps in part."""
    return -(-reach // 2)


KIND = shape_kind(JohnsonNetwork, JohnsonShape, options=("blocks", "widths", "norm"))
