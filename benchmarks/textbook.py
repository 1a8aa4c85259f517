"""Style transfer as textbooks write it, for Impasto to be measured against.

The shape is that of PyTorch's own tutorial (Jacq, "Neural Transfer Using PyTorch"): an
``nn.Sequential`` of normalization, convolutions, rectifiers and poolings, contiguous float32, with
loss modules between them that keep their loss and pass their input on; one size; L-BFGS with
torch's defaults, the picture clamped at every evaluation. Two things differ, and neither costs
time: each loss module has a factor that makes its loss relative to its target, so that the sum is
the number that Impasto's objective gives; and the targets are carried along while the model is
built, since the tutorial's own way needs both pictures in one size and passes over them many times.
"""

from __future__ import annotations

import math
import time
from dataclasses import dataclass

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from impasto import images
from impasto.encoders.vgg import Encoder
from impasto.images.picture import Picture
from impasto.images.samples import PAIRS
from impasto.jobs.sources import read_styles
from impasto.recipes.recipe import Recipe


class Normalization(nn.Module):
    def __init__(self, mean: Tensor, std: Tensor) -> None:
        super().__init__()
        self.mean, self.std = mean.clone(), std.clone()

    def forward(self, image: Tensor) -> Tensor:
        return (image - self.mean) / self.std


class ContentLoss(nn.Module):
    def __init__(self, features: Tensor, weight: float, readout: nn.Module) -> None:
        super().__init__()
        self.readout = readout
        self.target = readout(features).detach().clone()
        self.factor = weight / float(self.target.square().mean())

    def forward(self, features: Tensor) -> Tensor:
        self.loss = self.factor * F.mse_loss(self.readout(features), self.target)
        return features


class StyleLoss(nn.Module):
    def __init__(self, features: Tensor, weight: float, readout: nn.Module) -> None:
        super().__init__()
        self.readout = readout
        self.target = gram_matrix(readout(features)).detach().clone()
        self.factor = weight / float(self.target.square().mean())

    def forward(self, features: Tensor) -> Tensor:
        gram = gram_matrix(self.readout(features))
        self.loss = self.factor * F.mse_loss(gram, self.target)
        return features


class VariationLoss(nn.Module):
    def __init__(self, weight: float) -> None:
        super().__init__()
        self.weight = weight

    def forward(self, image: Tensor) -> Tensor:
        down = F.mse_loss(image[..., 1:, :], image[..., :-1, :], reduction="sum")
        right = F.mse_loss(image[..., :, 1:], image[..., :, :-1], reduction="sum")
        self.loss = self.weight * (down + right) / image.numel()
        return image


def gram_matrix(features: Tensor) -> Tensor:
    batch, channels, height, width = features.size()
    flat = features.view(batch * channels, height * width)
    return torch.mm(flat, flat.t()).div(batch * channels * height * width)


class Textbook:
    """The textbook's model with its losses inside.

    Args:
        encoder: Whose weights it gets (as copies, contiguous float32), with its padding, pooling
            and readouts.
        content: The content picture, (1, 3, H, W) in [0, 1].
        style: The style picture, likewise.
        recipe: Gives layers and weights; the losses are Gram, content and squared variation.
    """

    @torch.no_grad()
    def __init__(self, encoder: Encoder, content: Tensor, style: Tensor, recipe: Recipe) -> None:
        if recipe.tv_weight and recipe.tv != "squared":
            raise ValueError("The textbook knows no total variation but the squared one.")
        wanted = {**recipe.style_layers, **recipe.content_layers}
        deepest = max(wanted, key=encoder.layers.index)
        self.model = nn.Sequential()
        self.losses: list[nn.Module] = []
        if recipe.tv_weight:
            self._add_loss("tv", VariationLoss(recipe.tv_weight))
        self.model.add_module("normalization", Normalization(encoder.mean, encoder.std))
        content, style = self.model(content), self.model[-1](style)
        for name in encoder.layers[: encoder.layers.index(deepest) + 1]:
            layer = plain_layer(encoder, name)
            self.model.add_module(name, layer)
            content, style = layer(content), layer(style)
            if weight := recipe.content_weight * recipe.content_layers.get(name, 0.0):
                loss = ContentLoss(content, weight, _readout(encoder, name))
                self._add_loss(f"content_{name}", loss)
            if weight := recipe.style_weight * recipe.style_layers.get(name, 0.0):
                self._add_loss(f"style_{name}", StyleLoss(style, weight, _readout(encoder, name)))
        self.model.eval().requires_grad_(False)

    def loss(self, image: Tensor) -> Tensor:
        """The sum of all losses of a picture."""
        self.model(image)
        return torch.stack([module.loss for module in self.losses]).sum()

    def gradient(self, image: Tensor) -> tuple[float, Tensor]:
        """What one evaluation of the closure computes."""
        leaf = image.detach().clone().requires_grad_(True)
        loss = self.loss(leaf)
        loss.backward()
        return float(loss.detach()), leaf.grad

    def _add_loss(self, name: str, module: nn.Module) -> None:
        self.model.add_module(name, module)
        self.losses.append(module)


@dataclass(frozen=True)
class Descent:
    """How the textbook's loop went.

    Attributes:
        image: The picture at the end.
        evaluations: Of each, the seconds since the start of the loop and the loss it found.
    """

    image: Tensor
    evaluations: list[tuple[float, float]]


def descend(textbook: Textbook, image: Tensor, evaluations: int, *, scale: float) -> Descent:
    """The textbook's loop: ``torch.optim.LBFGS`` with its defaults, until enough evaluations.

    Args:
        textbook: The model.
        image: Where to start.
        evaluations: At least so many; the optimizer makes 20 at a time.
        scale: Factor on the loss that the optimizer sees. Its thresholds are absolute, so that it
            would stop at once on losses near one: textbooks have style weights of 10⁵ or 10⁶.
    """
    started = time.perf_counter()
    made: list[tuple[float, float]] = []
    image = image.detach().clone().contiguous().requires_grad_(True)
    optimizer = torch.optim.LBFGS([image])

    def closure() -> Tensor:
        with torch.no_grad():
            image.clamp_(0, 1)
        optimizer.zero_grad()
        loss = textbook.loss(image)
        (scale * loss).backward()
        found = float(loss.detach())
        made.append((time.perf_counter() - started, found))
        return scale * loss

    while len(made) < evaluations:
        optimizer.step(closure)
    return Descent(image.detach().clamp(0, 1), made)


def read_pair(name: str, recipe: Recipe) -> tuple[Picture, list[Picture]]:
    """Content and styles of a sample pair, at the recipe's size."""
    content = images.read(PAIRS[name].content_path, long_side=recipe.size)
    return content, read_styles([PAIRS[name].style_path], recipe, max(content.size))


def check_agreement(textbook: float, ours: float, dtype: str) -> None:
    """Refuse to compare two things that compute different numbers."""
    allowed = 1e-3 if dtype == "float32" else 0.05
    if not math.isclose(textbook, ours, rel_tol=allowed):
        raise RuntimeError(f"The textbook's loss is {textbook:g}, ours ({dtype}) is {ours:g}.")


def plain_layer(encoder: Encoder, name: str) -> nn.Module:
    architecture = encoder.architecture
    if name.startswith("conv"):
        return _copy(encoder.convolutions[name], padding=1, padding_mode=architecture.padding)
    if name.startswith("relu"):
        return nn.ReLU(inplace=False)
    return nn.MaxPool2d(2) if architecture.pooling == "max" else nn.AvgPool2d(2)


def _readout(encoder: Encoder, name: str) -> nn.Module:
    if name not in encoder.readouts:
        return nn.Identity()
    readout = _copy(encoder.readouts[name])
    return nn.Sequential(readout, nn.ReLU()) if encoder.architecture.readouts_rectified else readout


def _copy(convolution: nn.Conv2d, **options: object) -> nn.Conv2d:
    copy = nn.Conv2d(
        convolution.in_channels, convolution.out_channels, convolution.kernel_size, **options
    )
    for name in ("weight", "bias"):
        values = getattr(convolution, name).detach().float()
        setattr(copy, name, nn.Parameter(values.clone(memory_format=torch.contiguous_format)))
    return copy
