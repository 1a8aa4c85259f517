"""Feature visualization: strongest maps of a layer, and what activates a channel.

Each function takes an encoder and returns tensors; :mod:`impasto.cli.commands.inspect` lays them
out on a sheet.
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
from impasto.optim.preconditioner import Preconditioner


@torch.no_grad()
def strongest_maps(
    encoder: Encoder, picture: Tensor, layer: str, count: int
) -> list[tuple[int, float, Tensor]]:
    """The channels of a layer that a picture activates most.

    Args:
        encoder: The encoder.
        picture: (1, 3, H, W) in [0, 1].
        layer: A layer of the encoder.
        count: Number of channels.

    Returns:
        Channel, root mean square of its map, and its map (H', W'), strongest first.
    """
    features = encoder(picture, [layer])[layer][0].float()
    strengths = features.square().mean((1, 2)).sqrt()
    best = strengths.argsort(descending=True, stable=True)[:count]
    return [(int(c), float(strengths[c]), features[c]) for c in best]


@torch.no_grad()
def relative_gram(encoder: Encoder, picture: Tensor, layer: str) -> Tensor:
    """The Gram matrix (C, C) of a layer divided by its largest magnitude, in [−1, 1]."""
    gram = gram_matrix(encoder(picture, [layer])[layer], None)[0]
    return gram / gram.abs().max().clamp_min(1e-12)


@dataclass(frozen=True)
class Patch:
    """A part of a picture that activates a channel.

    Attributes:
        activation: Of the channel at the patch's centre.
        source: The picture's name.
        image: (1, 3, h, w): the receptive field, cropped at the picture's border.
    """

    activation: float
    source: str
    image: Tensor


@torch.no_grad()
def activating_patches(
    encoder: Encoder, pictures: Iterable[Picture], layer: str, channel: int, count: int
) -> list[Patch]:
    """The patches that activate a channel most, one per picture (Zeiler & Fergus 2013, figure 2).

    Args:
        encoder: The encoder.
        pictures: Pictures to search; only one is held at a time, besides the patches.
        layer: A layer of the encoder.
        channel: A channel of the layer.
        count: Number of patches.

    Returns:
        Strongest first.

    Raises:
        OptionError: The layer has no such channel.
    """
    check_channel(encoder, layer, channel)
    stride = encoder.stride(layer)
    # A multiple of the stride, so that poolings of the patch alone fall on the same pixels.
    reach = -(-encoder.halo([layer]) // stride) * stride
    best: list[tuple[float, int, Patch]] = []
    for number, picture in enumerate(pictures):
        tensor = picture.tensor.to(encoder.mean.device)
        activations = encoder(tensor, [layer])[layer][0, channel].float()
        peak = int(activations.argmax())
        row, column = (index * stride for index in divmod(peak, activations.shape[-1]))
        rows = slice(max(0, row - reach), row + stride + reach)
        columns = slice(max(0, column - reach), column + stride + reach)
        name = picture.path.name if picture.path else str(number)
        image = picture.tensor[..., rows, columns]
        patch = Patch(float(activations.flatten()[peak]), name, image)
        entry = (patch.activation, -number, patch)
        if len(best) < count:
            heapq.heappush(best, entry)
        else:
            heapq.heappushpop(best, entry)
    return [patch for _, _, patch in sorted(best, key=lambda entry: entry[:2], reverse=True)]


class _DeconvnetReLU(torch.autograd.Function):
    """ReLU whose backward pass keeps positive gradients only."""

    @staticmethod
    def forward(ctx: object, x: Tensor) -> Tensor:
        return x.clamp_min(0)

    @staticmethod
    @once_differentiable
    def backward(ctx: object, gradient: Tensor) -> Tensor:
        return gradient.clamp_min(0)


class _GuidedReLU(torch.autograd.Function):
    """ReLU whose backward pass keeps positive gradients only, and only of positive inputs."""

    @staticmethod
    def forward(ctx: object, x: Tensor) -> Tensor:
        ctx.save_for_backward(x > 0)  # type: ignore[attr-defined]
        return x.clamp_min(0)

    @staticmethod
    @once_differentiable
    def backward(ctx: object, gradient: Tensor) -> Tensor:
        positive: Tensor = ctx.saved_tensors[0]  # type: ignore[attr-defined]
        return gradient.clamp_min(0) * positive


PROJECTIONS: Mapping[str, Callable[[Tensor], Any]] = {
    # Simonyan et al. 2014, arXiv:1312.6034: the gradient itself.
    "gradient": torch.relu,
    # Zeiler & Fergus 2013, arXiv:1311.2901.
    "deconvnet": _DeconvnetReLU.apply,
    # Springenberg et al. 2015, arXiv:1412.6806.
    "guided": _GuidedReLU.apply,
}
"""ReLU of each backprojection method."""


def projection(
    encoder: Encoder, picture: Tensor, layer: str, channel: int, *, method: str = "guided"
) -> Tensor:
    """Backprojection of a channel's strongest activation to the picture, (1, 3, H, W), signed.

    Args:
        encoder: The encoder.
        picture: (1, 3, H, W) in [0, 1].
        layer: A layer of the encoder.
        channel: A channel of the layer.
        method: A name in ``PROJECTIONS``.

    Raises:
        OptionError: There is no such method or channel.
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
        (gradient,) = torch.autograd.grad(strongest, leaf)
    return gradient.detach()


@dataclass(frozen=True)
class VisualizationStep:
    """A step of :func:`visualize`.

    Attributes:
        step: From 1.
        total: Number of steps.
        activation: Mean activation of the channel for the transformed picture.
        image: (1, 3, side, side) in [0, 1].
    """

    step: int
    total: int
    activation: float
    image: Tensor


def visualize(
    encoder: Encoder, layer: str, channel: int, *, side: int = 160, steps: int = 128, seed: int = 0
) -> Iterator[VisualizationStep]:
    """Optimize a picture from noise to activate a channel everywhere (Olah et al. 2017, Lucid).

    Adam changes noise that a linear map gives the covariance of photographs, in frequencies and
    colours. At each step the encoder gets the picture slightly shifted, rotated and scaled. This
    suppresses patterns that depend on an exact position.

    Args:
        encoder: The encoder.
        layer: A layer of the encoder.
        channel: A channel of the layer.
        side: Side of the picture, in pixels.
        steps: Number of steps.
        seed: Of the noise and the transformations.

    Raises:
        OptionError: The layer has no such channel.
    """
    check_channel(encoder, layer, channel)
    random = torch.Generator().manual_seed(seed)
    device = encoder.mean.device
    precondition = Preconditioner((side, side), 1.0, device)
    # Drawn on the CPU: a seed gives the same picture on every device.
    noise = (0.3 * torch.randn(1, 3, side, side, generator=random)).to(device)
    noise.requires_grad_(True)
    adam = torch.optim.Adam([noise], lr=0.05, betas=(0.9, 0.99))
    for step in range(1, steps + 1):
        # The map is not differentiable by torch, but linear and its own transpose.
        pixels = precondition(noise.detach()).requires_grad_(True)
        with torch.enable_grad():
            transformed = _random_transform(torch.sigmoid(2 * pixels), random)
            activation = encoder(transformed, [layer])[layer][0, channel].float().mean()
            (gradient,) = torch.autograd.grad(-activation, pixels)
        noise.grad = precondition(gradient)
        adam.step()
        image = torch.sigmoid(2 * precondition(noise.detach()))
        yield VisualizationStep(step, steps, float(activation.detach()), image)


def _random_transform(picture: Tensor, random: torch.Generator) -> Tensor:
    """Shift a picture by up to 8 px, rotate it by up to 6° and scale it by up to 10 %."""
    side = picture.shape[-1]
    angle, scale, right, down = (2 * torch.rand(4, generator=random) - 1).tolist()
    angle, scale = math.radians(6 * angle), 1 + 0.1 * scale
    cosine, sine = math.cos(angle) / scale, math.sin(angle) / scale
    matrix = torch.tensor([[[cosine, -sine, 16 * right / side], [sine, cosine, 16 * down / side]]])
    grid = F.affine_grid(matrix.to(picture.device), list(picture.shape), align_corners=False)
    result: Tensor = F.grid_sample(picture, grid, padding_mode="reflection", align_corners=False)
    return result


def check_channel(encoder: Encoder, layer: str, channel: int) -> None:
    """Check that a layer has a channel.

    Raises:
        OptionError: It has not.
    """
    encoder.check_layers([layer])
    width = encoder.channels(layer)
    if not 0 <= channel < width:
        raise OptionError(f"{layer} has channels 0 to {width - 1}: {channel} is not one of them.")
