"""An encoder of your own: oriented filters at three scales, without any learned weight.

An encoder is a callable that maps a picture and layer names to features. This one blurs the picture
and takes derivatives in four directions. Its Gram matrices describe which edges and colours occur
together, which is enough for texture but not for objects.

    python examples/own_encoder.py --size 256
"""

from __future__ import annotations

import argparse
from collections.abc import Sequence
from pathlib import Path

import torch
import torch.nn.functional as F
from torch import Tensor

import impasto
from impasto.images.samples import SAMPLES
from impasto.weights.open import register_encoder

LAYERS = ("fine", "middle", "coarse")


def filters() -> Tensor:
    """A Gaussian and its derivatives in four directions for each colour, (15, 1, 5, 5)."""
    axis = torch.arange(-2.0, 3.0)
    gauss = (-axis.square() / 2).exp()
    gauss = gauss[:, None] * gauss / gauss.sum() ** 2
    y, x = torch.meshgrid(axis, axis, indexing="ij")
    directions = ((1, 0), (0, 1), (0.7, 0.7), (0.7, -0.7))
    derivatives = [(x * dx + y * dy) * gauss for dx, dy in directions]
    return torch.stack([gauss, *derivatives])[:, None].repeat(3, 1, 1, 1)


def encoder(image: Tensor, layers: Sequence[str]) -> dict[str, Tensor]:
    """Layer name → features (B, 30, H, W) of a picture (B, 3, H, W) in [0, 1]."""
    kernel = filters().to(image)
    features = {}
    x = image - 0.5
    for name in LAYERS:
        responses = F.conv2d(F.pad(x, (2, 2, 2, 2), mode="reflect"), kernel, groups=3)
        if name in layers:
            # Both signs separately: a bright line is not a dark one.
            features[name] = torch.cat([responses.relu(), (-responses).relu()], dim=1)
        x = F.avg_pool2d(x, 2)
    return features


register_encoder("edges", lambda: encoder)


def main() -> None:
    """Paint one picture, coarse to fine, with this encoder."""
    parser = argparse.ArgumentParser(description="An encoder of your own.")
    parser.add_argument("--size", type=int, default=256, help="long side in pixels")
    parser.add_argument("--steps", type=int, default=10, help="at each smaller size")
    parser.add_argument("--final-steps", type=int, default=54, help="at the full size")
    parser.add_argument("-o", "--output", type=Path, default=Path("out/own-encoder.png"))
    args = parser.parse_args()

    recipe = impasto.Recipe(
        encoder="edges",
        style_layers=dict.fromkeys(LAYERS, 1 / 3),
        content_layers={"coarse": 1.0},
        content_weight=0.3,
        size=args.size,
        steps=args.steps,
        final_steps=args.final_steps,
    )
    content = impasto.read_image(SAMPLES / "lighthouse.jpg", long_side=args.size)
    style = impasto.read_image(SAMPLES / "hokusai-great-wave.jpg", long_side=args.size)

    painter = impasto.Painter(content, [style], recipe)
    for step in painter:
        print(f"{step.size[1]}×{step.size[0]} px, step {step.step}: loss {step.loss:.4f}")

    args.output.parent.mkdir(parents=True, exist_ok=True)
    impasto.write_image(args.output, painter.picture)


if __name__ == "__main__":
    main()
