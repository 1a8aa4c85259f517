"""A style statistic of your own: the first three moments of each channel.

A statistic is two pure functions. ``summary`` is a mean over positions, so masks, mixtures of
styles and tiles work without further code. ``distance`` compares two summaries.

    python examples/own_statistic.py --size 256
"""

from __future__ import annotations

import argparse
from pathlib import Path

import torch
from torch import Tensor

import impasto
from impasto.images.samples import SAMPLES
from impasto.losses.moments import mean_vector
from impasto.losses.statistics import Summary, register_statistic


def summary(features: Tensor, weights: Tensor | None) -> Summary:
    """Means of f, f² and f³ for each channel, (B, C); features are (B, C, H, W)."""
    return {f"moment{order}": mean_vector(features**order, weights) for order in (1, 2, 3)}


def distance(a: Summary, target: Summary) -> Tensor:
    """Squared differences relative to the target, (B,): every order counts the same."""
    errors = []
    for key, moment in target.items():
        unit = moment.square().sum(-1).clamp_min(torch.finfo(moment.dtype).tiny)
        errors.append((a[key] - moment).square().sum(-1) / unit)
    return torch.stack(errors).mean(0)


register_statistic(
    "three-moments",
    impasto.Statistic(summary, distance, about="first three moments", source="this example"),
)


def main() -> None:
    """Paint one picture with the new statistic and one with Gram matrices."""
    parser = argparse.ArgumentParser(description="A style statistic of your own.")
    parser.add_argument("--size", type=int, default=256, help="long side in pixels")
    parser.add_argument("--steps", type=int, default=10, help="at each smaller size")
    parser.add_argument("--final-steps", type=int, default=54, help="at the full size")
    parser.add_argument("-o", "--output", type=Path, default=Path("out"), help="a folder")
    args = parser.parse_args()

    for name in ("three-moments", "gram"):
        result = impasto.paint(
            SAMPLES / "tuebingen.jpg",
            SAMPLES / "hokusai-great-wave.jpg",
            style_loss=name,  # by its name everywhere: also in recipes, grids and training
            size=args.size,
            steps=args.steps,
            final_steps=args.final_steps,
        )
        result.save(args.output / f"{name}.png")
        print(f"{name}: loss {result.losses[-1]['loss']:.4f}")


if __name__ == "__main__":
    main()
