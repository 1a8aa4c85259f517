"""The image transformation network of Johnson et al. 2016 (arXiv:1603.08155), as it is used today.

Since the paper the network has been bettered in three ways, all of them here: instance in place of
batch normalization (Ulyanov et al. 2016, arXiv:1607.08022); reflection in place of zero padding, a
nearest-neighbour enlarging and a convolution in place of each transposed convolution, and a sigmoid
in place of the scaled tanh (Dumoulin et al. 2017, arXiv:1610.07629). The γ and β of every
normalization come from the style vector: with one vector it is Johnson's network, with several it
is Dumoulin's conditional instance normalization.
"""

from __future__ import annotations

from dataclasses import dataclass

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from impasto.errors import OptionError, unknown_name
from impasto.images.picture import as_floats, in_type_of
from impasto.networks.base import Affine, StyledNetwork
from impasto.networks.normalization import Moments, StagedForward, normalize
from impasto.nn.convolution import Convolution

_MOMENTS = "_moments"

NORMS = ("instance", "batch")
MOMENTUM = 0.1
"""Weight of the newest batch in the running moments: PyTorch's own."""


@dataclass(frozen=True)
class JohnsonShape:
    """The size of a :class:`JohnsonNetwork`.

    Attributes:
        widths: Channels at the picture's size, at half and at a quarter of it.
        blocks: Residual blocks, all at a quarter.
        norm: ``"instance"``, by each map's own moments, or ``"batch"``, by those of all maps of a
            batch while training (of a process's share of it) and by their running averages ever
            after.

    Raises:
        OptionError: For another norm, a width below one or a negative number of blocks.
    """

    widths: tuple[int, int, int] = (32, 64, 128)
    blocks: int = 5
    norm: str = "instance"

    def __post_init__(self) -> None:
        if self.norm not in NORMS:
            raise unknown_name("normalization", self.norm, NORMS)
        if min(self.widths) < 1 or self.blocks < 0:
            raise OptionError("A network needs widths of at least 1 and no fewer than 0 blocks.")


class JohnsonNetwork(StyledNetwork):
    """Content picture and style vector in, painted picture out: (B, 3, H, W) in [0, 1] both.

    Pictures are at least 5 pixels high and wide, which is what reflection needs.

    Args:
        shape: Widths, depth and normalization.
    """

    stride = 4

    def __init__(self, shape: JohnsonShape | None = None) -> None:
        super().__init__()
        self.shape = shape = shape or JohnsonShape()
        full, half, quarter = shape.widths
        # No biases: each would be taken off again with the mean.
        self.add("first", nn.Conv2d(3, full, 9, bias=False), 1)
        self.add("smaller", nn.Conv2d(full, half, 3, stride=2, bias=False), 2)
        self.add("smallest", nn.Conv2d(half, quarter, 3, stride=2, bias=False), 4)
        for index in range(shape.blocks):
            self.add(f"block{index}a", Convolution(quarter, quarter, 3, bias=False), 4)
            self.add(f"block{index}b", Convolution(quarter, quarter, 3, bias=False), 4)
        self.add("larger", Convolution(quarter, half, 3, bias=False), 2)
        self.add("largest", Convolution(half, full, 3, bias=False), 1)
        self.add_plain("picture", nn.Conv2d(full, 3, 9))
        self.to(memory_format=torch.channels_last)  # type: ignore[call-overload]

    @property
    def halo(self) -> int:  # type: ignore[override]
        """How far a pixel sees to its left, where strided convolutions see one unit farther."""
        reach = 4 + 1  # picture, largest
        reach = _halved(reach) + 1  # larger
        reach = _halved(reach) + 2 * self.shape.blocks
        return 2 * (2 * reach + 1) + 1 + 4  # smallest, smaller, first

    @property
    def running_moments(self) -> list[Tensor]:
        """The running averages of batch normalization."""
        return [buffer for name, buffer in self.named_buffers() if name.endswith(_MOMENTS)]

    def add(self, name: str, convolution: nn.Conv2d, stride: int) -> None:
        """See :meth:`StyledNetwork.add`; batch normalization also keeps moments of the output."""
        super().add(name, convolution, stride)
        if self.shape.norm == "batch":
            width = convolution.out_channels
            start = torch.stack([torch.zeros(width), torch.ones(width)])
            self.register_buffer(name + _MOMENTS, start)

    def walk(
        self, image: Tensor, style: Affine, *, origin: tuple[int, int] = (0, 0)
    ) -> StagedForward:
        """See :meth:`StyledNetwork.walk`; hands out nothing once batch moments are settled."""
        x = as_floats(image).to(self.dtype)
        x = x.contiguous(memory_format=torch.channels_last)
        for name in ("first", "smaller", "smallest"):
            x = self.convolve(name, x)  # a waiting walk holds what has a name: no map before it
            x = F.relu_((yield from self.normal(name, x, style)))
        for index in range(self.shape.blocks):
            first, second = f"block{index}a", f"block{index}b"
            inner = F.relu_((yield from self.normal(first, self.convolve(first, x), style)))
            # No rectifier after the sum (Gross & Wilber 2016, whom Johnson et al. follow).
            x = x + (yield from self.normal(second, self.convolve(second, inner), style))
        for name in ("larger", "largest"):
            x = self.convolve(name, F.interpolate(x, scale_factor=2, mode="nearest"))
            x = F.relu_((yield from self.normal(name, x, style)))
        return in_type_of(torch.sigmoid(self.convolve("picture", x).float()), image)

    def normal(self, name: str, x: Tensor, style: Affine) -> StagedForward:
        """See :meth:`StyledNetwork.normal`.

        Batch normalization keeps running averages of mean and mean square, not of the variance as
        PyTorch's does: being means they tend to the moments over all pictures.
        """
        if self.shape.norm == "instance":
            return (yield from super().normal(name, x, style))
        kept = self.get_buffer(name + _MOMENTS)
        if not self.training:
            return normalize(x, Moments(*kept[:, None].float()), *style[name], overwrite=True)
        # The maps of a batch are of one size: the mean of their moments is that of the batch.
        moments = Moments(*(moment.mean(0, keepdim=True) for moment in (yield x)))
        with torch.no_grad():
            kept.lerp_(torch.cat(moments).to(kept.dtype), MOMENTUM)
        return normalize(x, moments, *style[name], overwrite=True)


def _halved(reach: int) -> int:
    """Units at half the size that ``reach`` units lie in, of which the last may be seen in part."""
    return -(-reach // 2)
