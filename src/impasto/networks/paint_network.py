"""The network that ships: most of its work at low resolution, where a CPU is fast.

On a CPU work at full resolution is dear whatever its arithmetic, so the picture is folded to half
its size (pixel unshuffle, Shi et al. 2016, arXiv:1609.05158), seen at a quarter, an eighth and a
sixteenth, and unfolded again; what the picture itself shows at half size is joined in at the end,
so that lines stay sharp. Residual blocks and instance normalization follow Johnson et al. 2016
(arXiv:1603.08155) and Ulyanov et al. 2016 (arXiv:1607.08022).
"""

from __future__ import annotations

from dataclasses import dataclass

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from impasto.errors import OptionError
from impasto.images.picture import as_floats, in_type_of
from impasto.networks import half_size
from impasto.networks.base import Affine, StyledNetwork
from impasto.networks.normalization import StagedForward, noise
from impasto.nn.bands import LARGEST, Band, in_bands
from impasto.nn.convolution import Convolution


@dataclass(frozen=True)
class Shape:
    """The size of a :class:`PaintNetwork`.

    Attributes:
        widths: Channels at a quarter, an eighth and a sixteenth of the picture's size.
        blocks: Residual blocks at an eighth going down, at a sixteenth, at an eighth going up.
        detail: Channels brought to half size.
        head: Channels at half size.
        noise: Maps of noise at an eighth and at a sixteenth, out of which strokes can be painted
            into an even sky (texture networks, Ulyanov et al. 2016, arXiv:1603.03417). None by
            default: with noise of a fixed place, training found a way to satisfy Gram matrices by
            a few bright droplets where the noise is rare.

    Raises:
        OptionError: For a width below one or a negative number of blocks.
    """

    widths: tuple[int, int, int] = (32, 80, 128)
    blocks: tuple[int, int, int] = (1, 4, 2)
    detail: int = 12
    head: int = 16
    noise: int = 0

    def __post_init__(self) -> None:
        least = min(*self.widths, self.detail, self.head)
        if least < 1 or min(*self.blocks, self.noise) < 0:
            raise OptionError("A network needs widths of at least 1 and no fewer than 0 blocks.")


class PaintNetwork(StyledNetwork):
    """Content picture and style vector in, painted picture out.

    Args:
        shape: Widths and depths.
    """

    stride = 16

    def __init__(self, shape: Shape | None = None) -> None:
        super().__init__()
        self.shape = shape = shape or Shape()
        quarter, eighth, sixteenth = shape.widths

        def plain(before: int, after: int, kernel: int = 3, stride: int = 1) -> nn.Conv2d:
            kind = Convolution if (kernel, stride) == (3, 1) else nn.Conv2d
            return kind(before, after, kernel, stride, bias=False)

        def blocks(name: str, count: int, width: int, stride: int) -> None:
            for index in range(count):
                self.add(f"{name}{index}a", plain(width, width), stride)
                self.add(f"{name}{index}b", plain(width, width), stride)

        self.add("quarter", plain(12, quarter, stride=2), 4)
        self.add("eighth", plain(quarter, eighth, stride=2), 8)
        blocks("down", shape.blocks[0], eighth, 8)
        self.add("sixteenth", plain(eighth, sixteenth, stride=2), 16)
        blocks("deep", shape.blocks[1], sixteenth, 16)
        blocks("up", shape.blocks[2], eighth, 8)
        self.add("fine", plain(quarter, quarter), 4)
        self.add("head", plain(shape.detail + 12, shape.head), 2)
        self.add_plain("widen_eighth", plain(sixteenth, eighth, 1))
        self.add_plain("widen_quarter", plain(eighth, quarter, 1))
        self.add_plain("detail", nn.Conv2d(quarter, 4 * shape.detail, 3))
        self.add_plain("picture", nn.Conv2d(shape.head, 12, 3))
        if shape.noise:
            self.add_plain("noise_eighth", plain(shape.noise, eighth, 1))
            self.add_plain("noise_sixteenth", plain(shape.noise, sixteenth, 1))
        self.to(memory_format=torch.channels_last)  # type: ignore[call-overload]

    @property
    def halo(self) -> int:  # type: ignore[override]
        """From the edge of a unit of 16 px: two such units, and what the blocks see.

        A block sees two units more each way; the rest is rounded up to whole units (measured).
        """
        down, deep, up = self.shape.blocks
        return 2 * 16 + 2 * 8 * (down + up) + 2 * 16 * deep

    @property
    def held(self) -> float:
        """See :attr:`StyledNetwork.held`: no picture, and of each block two maps (measured)."""
        quarter, eighth, sixteenth = (
            width / stride**2 for width, stride in zip(self.shape.widths, (4, 8, 16), strict=True)
        )
        return quarter + max(quarter, 2 * eighth, eighth + 2 * sixteenth)

    def busy(self, pixels: int) -> float:
        """See :meth:`StyledNetwork.busy`: what is held, two maps more, and one band's maps."""
        more = 2 * self.shape.widths[1] / 64
        return (self.held + more) * pixels + 20 * min(pixels, 16 * LARGEST)

    def walk(
        self, image: Tensor, style: Affine, *, origin: tuple[int, int] = (0, 0)
    ) -> StagedForward:
        """See :meth:`StyledNetwork.walk`."""
        down, deep, up = self.shape.blocks
        x = self._first(image)  # a waiting walk holds what has a name: no map before it
        quarter = F.relu_((yield from self.normal("quarter", x, style)))
        x = self._noisy("eighth", self.convolve("eighth", quarter), origin, 8)
        x = F.relu_((yield from self.normal("eighth", x, style)))
        for index in range(down):
            x = yield from self._block(f"down{index}", x, style)
        eighth = x
        x = self._noisy("sixteenth", self.convolve("sixteenth", eighth), origin, 16)
        x = F.relu_((yield from self.normal("sixteenth", x, style)))
        for index in range(deep):
            x = yield from self._block(f"deep{index}", x, style)
        x = _sum(eighth, _enlarged(self.convolve("widen_eighth", x)))
        del eighth
        for index in range(up):
            x = yield from self._block(f"up{index}", x, style)
        x = self._fine(quarter, x)
        del quarter
        x = F.relu_((yield from self.normal("fine", x, style)))
        # Scaled and shifted, but not normalized: at half size that would cost a convolution.
        return self._last(x, image, *style["head"])

    def _first(self, image: Tensor) -> Tensor:
        """The first convolution, of the picture folded to half its size."""
        if not torch.is_grad_enabled():
            return half_size.first(self.convolution("quarter"), image)
        folded = F.pixel_unshuffle(as_floats(image).to(self.dtype), 2)
        return self.convolve("quarter", folded.contiguous(memory_format=torch.channels_last))

    def _fine(self, quarter: Tensor, eighth: Tensor) -> Tensor:
        """The convolution at a quarter of the size, of what was seen there and of what lies deeper.

        Band by band: the sum of the two alone takes as much as the map that is made.
        """

        def make(band: Band) -> Tensor:
            # The last row of what is enlarged only repeats the one before; of the halo's two rows
            # it is the outer one, which the band does not see.
            first, last = (row // 2 for row in band.outer)
            deeper = _enlarged(self.convolve("widen_quarter", eighth[:, :, first:last]))
            return self.convolve("fine", _sum(band.cut(quarter), deeper))

        return in_bands((quarter.shape[-2], quarter.shape[-1]), make, halo=2)

    def _last(self, quarter: Tensor, image: Tensor, scale: Tensor, shift: Tensor) -> Tensor:
        """From a quarter of the size to the painted picture, what it shows at half size joined."""
        if not torch.is_grad_enabled():  # written in place
            names = "detail", "head", "picture"
            layers = half_size.Layers(*(self.convolution(name) for name in names))
            return half_size.unfold(layers, quarter, image, scale, shift)
        picture = F.pixel_unshuffle(as_floats(image).to(self.dtype), 2)
        detail = F.pixel_shuffle(self.convolve("detail", quarter), 2)
        scale, shift = (x if x.ndim == 4 else x[:, :, None, None] for x in (scale, shift))
        head = self.convolve("head", torch.cat([detail, picture], 1))
        head = F.relu_(torch.addcmul(shift.to(head.dtype), head, scale.to(head.dtype)))
        painted = torch.sigmoid(F.pixel_shuffle(self.convolve("picture", head), 2).float())
        return in_type_of(painted, image)

    def _noisy(self, name: str, x: Tensor, origin: tuple[int, int], stride: int) -> Tensor:
        if not self.shape.noise:
            return x
        size, place = (x.shape[-2], x.shape[-1]), (origin[0] // stride, origin[1] // stride)
        maps = noise(size, self.shape.noise, origin=place).to(x)
        return x + self.convolve(
            f"noise_{name}", maps.contiguous(memory_format=torch.channels_last)
        )

    def _block(self, name: str, x: Tensor, style: Affine) -> StagedForward:
        """A residual block."""
        first, second = name + "a", name + "b"
        inner = yield from self.normal(first, self.convolve(first, x), style)
        inner = self.convolve(second, F.relu_(inner))
        return _sum(x, (yield from self.normal(second, inner, style)))


def _sum(x: Tensor, made: Tensor) -> Tensor:
    """Of two maps; written into the second where no gradients are kept."""
    return x + made if torch.is_grad_enabled() else made.add_(x)


def _enlarged(x: Tensor) -> Tensor:
    """Twice as high and wide, each unit where the convolution of stride two saw it.

    Such a convolution is centred on every second unit, from the first; the usual bilinear enlarging
    takes it to be centred between two, and at 16 px a unit that is off by 6 px: contours double.
    """
    height, width = (2 * length - 1 for length in x.shape[-2:])
    x = F.interpolate(x, (height, width), mode="bilinear", align_corners=True)
    return F.pad(x, (0, 1, 0, 1), mode="replicate")
