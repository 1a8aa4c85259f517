"""What a layer knows: its strongest maps, what excites a channel, and where it does so.

Each function takes an encoder and says what it found as tensors; :mod:`impasto.cli.commands.inspect` lays
them out.
"""

from __future__ import annotations

import heapq
import math
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor
from torch.autograd.function import once_differentiable

from impasto.encoders.vgg import Encoder
from impasto.errors import OptionError, unknown_name
from impasto.images.picture import Picture
from impasto.losses.moments import gram_matrix
from impasto.objective.tiles import halo_of
from impasto.optim.preconditioner import Preconditioner


@torch.no_grad()
def strongest_maps(
    encoder: Encoder, picture: Tensor, layer: str, count: int
) -> list[tuple[int, float, Tensor]]:
    """The channels of a layer that a picture excites most.

    Args:
        encoder: Sees.
        picture: (1, 3, H, W) in [0, 1].
        layer: Of the encoder.
        count: How many.

    Returns:
        Channel, root mean square of its map, and the map (H', W'), strongest first.
    """
    features = encoder(picture, [layer])[layer][0].float()
    strengths = features.square().mean((1, 2)).sqrt()
    best = strengths.argsort(descending=True, stable=True)[:count]
    return [(int(c), float(strengths[c]), features[c]) for c in best]


@torch.no_grad()
def relative_gram(encoder: Encoder, picture: Tensor, layer: str) -> Tensor:
    """The Gram matrix (C, C) of a layer in units of its largest entry: -1 to 1."""
    gram = gram_matrix(encoder(picture, [layer])[layer], None)[0]
    return gram / gram.abs().max().clamp_min(1e-12)


@dataclass(frozen=True)
class Patch:
    """A part of a picture that excites a channel.

    Attributes:
        strength: Of the channel there.
        source: The picture's name.
        image: (1, 3, h, w): all that the unit sees, cut where the picture ends.
    """

    strength: float
    source: str
    image: Tensor


@torch.no_grad()
def exciting_patches(
    encoder: Encoder, pictures: Iterable[Picture], layer: str, channel: int, count: int
) -> list[Patch]:
    """The patches that excite a channel most, one a picture (Zeiler & Fergus 2013, figure 2).

    Args:
        encoder: Sees.
        pictures: To look through; one is held at a time, and the patches.
        layer: Of the encoder.
        channel: Of the layer.
        count: How many.

    Returns:
        Strongest first.

    Raises:
        OptionError: If the layer has no such channel.
    """
    check_channel(encoder, layer, channel)
    stride = encoder.stride(layer)
    # Whole units, so that poolings fall on the same pixels in the patch alone.
    reach = -(-halo_of([layer], encoder) // stride) * stride
    best: list[tuple[float, int, Patch]] = []
    for number, picture in enumerate(pictures):
        where = encoder(picture.tensor, [layer])[layer][0, channel].float()
        place = int(where.argmax())
        row, column = (index * stride for index in divmod(place, where.shape[-1]))
        rows = slice(max(0, row - reach), row + stride + reach)
        columns = slice(max(0, column - reach), column + stride + reach)
        name = picture.path.name if picture.path else str(number)
        patch = Patch(float(where.flatten()[place]), name, picture.tensor[..., rows, columns])
        entry = (patch.strength, -number, patch)
        if len(best) < count:
            heapq.heappush(best, entry)
        else:
            heapq.heappushpop(best, entry)
    return [patch for _, _, patch in sorted(best, key=lambda entry: entry[:2], reverse=True)]


class _Deconvolved(torch.autograd.Function):
    """A rectifier through which only what is positive comes back."""

    @staticmethod
    def forward(ctx: object, x: Tensor) -> Tensor:
        return x.clamp_min(0)

    @staticmethod
    @once_differentiable
    def backward(ctx: object, gradient: Tensor) -> Tensor:
        return gradient.clamp_min(0)


class _Guided(torch.autograd.Function):
    """A rectifier through which what is positive comes back where it let something through."""

    @staticmethod
    def forward(ctx: object, x: Tensor) -> Tensor:
        ctx.save_for_backward(x > 0)  # type: ignore[attr-defined]
        return x.clamp_min(0)

    @staticmethod
    @once_differentiable
    def backward(ctx: object, gradient: Tensor) -> Tensor:
        open_: Tensor = ctx.saved_tensors[0]  # type: ignore[attr-defined]
        return gradient.clamp_min(0) * open_


PROJECTIONS: Mapping[str, Callable[[Tensor], Any]] = {
    # Simonyan et al. 2014, arXiv:1312.6034: the gradient itself.
    "gradient": torch.relu,
    # Zeiler & Fergus 2013, arXiv:1311.2901.
    "deconvnet": _Deconvolved.apply,
    # Springenberg et al. 2015, arXiv:1412.6806.
    "guided": _Guided.apply,
}
"""Ways back through a rectifier."""


def projection(
    encoder: Encoder, picture: Tensor, layer: str, channel: int, *, method: str = "guided"
) -> Tensor:
    """What in a picture makes a channel's strongest unit answer: (1, 3, H, W), about zero.

    Args:
        encoder: Sees.
        picture: (1, 3, H, W) in [0, 1].
        layer: Of the encoder.
        channel: Of the layer.
        method: One of ``PROJECTIONS``.

    Raises:
        OptionError: For another method, or a channel that the layer has not.
    """
    if method not in PROJECTIONS:
        raise unknown_name("projection", method, PROJECTIONS)
    check_channel(encoder, layer, channel)
    rectify = PROJECTIONS[method]
    leaf = picture.detach().clone().requires_grad_(True)
    with torch.enable_grad():
        x = encoder.normalize(leaf)
        for name in encoder.layers:
            x = rectify(x) if name.startswith("relu") else encoder.layer(name, x)
            if name == layer:
                break
        strongest = encoder.read_out(layer, x)[0, channel].max()
        (slope,) = torch.autograd.grad(strongest, leaf)
    return slope.detach()


@dataclass(frozen=True)
class Dream:
    """A step of a channel's picture.

    Attributes:
        step: From 1.
        of: Steps in all.
        strength: The channel's mean in the picture as it was seen, shifted and turned.
        image: (1, 3, side, side) in [0, 1].
    """

    step: int
    of: int
    strength: float
    image: Tensor


def visualize(
    encoder: Encoder, layer: str, channel: int, *, side: int = 160, steps: int = 128, seed: int = 0
) -> Iterator[Dream]:
    """A picture, from noise, that excites a channel everywhere (Olah et al. 2017, Lucid).

    The optimizer moves noise of which the picture is the image under the covariance of
    photographs, in frequencies and in colours; and at each step the picture is shown to the encoder
    shifted, turned and scaled a little, so that nothing pays that holds at one place alone.

    Args:
        encoder: Sees.
        layer: Of the encoder.
        channel: Of the layer.
        side: Of the picture, in pixels.
        steps: Of Adam.
        seed: Of the noise and of what is done to the picture.

    Raises:
        OptionError: If the layer has no such channel.
    """
    check_channel(encoder, layer, channel)
    random = torch.Generator().manual_seed(seed)
    spread = Preconditioner((side, side), 1.0)
    noise = 0.3 * torch.randn(1, 3, side, side, generator=random)
    noise.requires_grad_(True)
    adam = torch.optim.Adam([noise], lr=0.05, betas=(0.9, 0.99))
    for step in range(1, steps + 1):
        # The map has no derivative of torch's own, but it is linear and its own transpose.
        pixels = spread(noise.detach()).requires_grad_(True)
        with torch.enable_grad():
            seen = _shaken(torch.sigmoid(2 * pixels), random)
            strength = encoder(seen, [layer])[layer][0, channel].float().mean()
            (slope,) = torch.autograd.grad(-strength, pixels)
        noise.grad = spread(slope)
        adam.step()
        image = torch.sigmoid(2 * spread(noise.detach()))
        yield Dream(step, steps, float(strength.detach()), image)


def _shaken(picture: Tensor, random: torch.Generator) -> Tensor:
    """A picture shifted by up to 8 px, turned by up to 6 degrees and scaled by up to a tenth."""
    side = picture.shape[-1]
    angle, scale, right, down = (2 * torch.rand(4, generator=random) - 1).tolist()
    angle, scale = math.radians(6 * angle), 1 + 0.1 * scale
    cosine, sine = math.cos(angle) / scale, math.sin(angle) / scale
    matrix = torch.tensor([[[cosine, -sine, 16 * right / side], [sine, cosine, 16 * down / side]]])
    places = F.affine_grid(matrix, list(picture.shape), align_corners=False)
    shaken: Tensor = F.grid_sample(picture, places, padding_mode="reflection", align_corners=False)
    return shaken


def check_channel(encoder: Encoder, layer: str, channel: int) -> None:
    """Refuse a channel that a layer has not (OptionError)."""
    encoder.check_layers([layer])
    width = encoder.channels(layer)
    if not 0 <= channel < width:
        raise OptionError(f"{layer} has the channels 0 to {width - 1}, not {channel}.")
