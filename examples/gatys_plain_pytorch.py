"""Neural style transfer of Gatys, Ecker & Bethge (CVPR 2016) in plain PyTorch.

The same loss and method as ``gatys_in_60_lines.py``, without Impasto except for its weights and
sample pictures. Read the two next to each other to see what Impasto's parts do.

    python examples/gatys_plain_pytorch.py --size 256 --steps 100
"""

from __future__ import annotations

import argparse
from importlib.resources import files
from pathlib import Path

import numpy as np
import torch
import torch.nn.functional as F
from PIL import Image
from safetensors.torch import load_file
from torch import Tensor

DATA = Path(str(files("impasto"))) / "data"
CONTENT_LAYER = "relu4_2"
STYLE_LAYERS = ["relu1_1", "relu2_1", "relu3_1", "relu4_1", "relu5_1"]
CONVOLUTIONS_PER_BLOCK = [2, 2, 4, 4, 1]  # VGG-19 up to conv5_1
MEAN, STD = (0.485, 0.456, 0.406), (0.229, 0.224, 0.225)  # of ImageNet

Features = dict[str, Tensor]


class Encoder:
    """VGG-19's layers with a quarter of its channels."""

    def __init__(self, path: Path) -> None:
        self.weights = {name: value.float() for name, value in load_file(path).items()}

    def __call__(self, image: Tensor) -> Features:
        """Layer name → features (1, C, H, W) of a picture (1, 3, H, W) in [0, 1]."""
        x = (image - torch.tensor(MEAN).view(1, 3, 1, 1)) / torch.tensor(STD).view(1, 3, 1, 1)
        features = {}
        for block, count in enumerate(CONVOLUTIONS_PER_BLOCK, start=1):
            for index in range(1, count + 1):
                x = F.pad(x, (1, 1, 1, 1), mode="reflect")
                x = F.relu(self.convolve(x, f"conv{block}_{index}"))
                features[f"relu{block}_{index}"] = self.read_out(x, f"relu{block}_{index}")
            x = F.max_pool2d(x, 2)
        return features

    def convolve(self, x: Tensor, name: str) -> Tensor:
        """One convolution, without padding."""
        return F.conv2d(x, self.weights[f"{name}.weight"], self.weights[f"{name}.bias"])

    def read_out(self, x: Tensor, layer: str) -> Tensor:
        """Rotate features to the axes of the large network that this one was distilled from."""
        name = f"readouts.{layer}"
        return self.convolve(x, name) if f"{name}.weight" in self.weights else x


def gram(features: Tensor) -> Tensor:
    """Mean over positions of f fᵀ, (1, C, C)."""
    f = features.flatten(2)
    return f @ f.transpose(1, 2) / f.shape[-1]


def relative_error(value: Tensor, target: Tensor) -> Tensor:
    """‖value − target‖² / ‖target‖²: the same scale at every size and layer."""
    return (value - target).square().sum() / target.square().sum()


class Loss:
    """The weighted sum of the content loss and the style loss."""

    def __init__(self, content: Tensor, style: Tensor, content_weight: float) -> None:
        self.encoder = Encoder(DATA / "compact.safetensors")
        self.content_weight = content_weight
        self.content = self.encoder(content)[CONTENT_LAYER]
        style_features = self.encoder(style)
        self.grams = {name: gram(style_features[name]) for name in STYLE_LAYERS}

    def __call__(self, image: Tensor) -> Tensor:
        """The loss of a picture (1, 3, H, W) in [0, 1]."""
        features = self.encoder(image)
        content_loss = relative_error(features[CONTENT_LAYER], self.content)
        style_losses = [relative_error(gram(features[n]), g) for n, g in self.grams.items()]
        return self.content_weight * content_loss + sum(style_losses) / len(style_losses)


def read(path: Path, long_side: int) -> Tensor:
    """A picture as (1, 3, H, W) in [0, 1]."""
    image = Image.open(path).convert("RGB")
    scale = long_side / max(image.size)
    width, height = (max(1, round(scale * side)) for side in image.size)
    image = image.resize((width, height), Image.Resampling.LANCZOS)
    return torch.from_numpy(np.asarray(image) / np.float32(255)).permute(2, 0, 1)[None].contiguous()


def write(path: Path, image: Tensor) -> None:
    """Save a picture (1, 3, H, W) in [0, 1]."""
    path.parent.mkdir(parents=True, exist_ok=True)
    values = (image[0].detach().clamp(0, 1) * 255).round().byte().permute(1, 2, 0)
    Image.fromarray(values.numpy()).save(path)


def main() -> None:
    """Paint one picture."""
    parser = argparse.ArgumentParser(description="Neural style transfer in plain PyTorch.")
    parser.add_argument("--content", type=Path, default=DATA / "samples/tuebingen.jpg")
    parser.add_argument("--style", type=Path, default=DATA / "samples/van-gogh-starry-night.jpg")
    parser.add_argument("--content-weight", type=float, default=0.05)
    parser.add_argument("--size", type=int, default=256, help="long side in pixels")
    parser.add_argument("--steps", type=int, default=100)
    parser.add_argument("-o", "--output", type=Path, default=Path("out/gatys-plain.png"))
    args = parser.parse_args()

    content, style = read(args.content, args.size), read(args.style, args.size)
    loss_function = Loss(content, style, args.content_weight)

    image = content.clone().requires_grad_(True)
    optimizer = torch.optim.LBFGS([image], max_iter=1, line_search_fn="strong_wolfe")

    def closure() -> Tensor:
        optimizer.zero_grad()
        loss = loss_function(image)
        loss.backward()
        return loss

    for step in range(1, args.steps + 1):
        loss = optimizer.step(closure)
        print(f"step {step}: loss {loss.item():.4f}")

    write(args.output, image)


if __name__ == "__main__":
    main()
