"""Regions: the sky after one painting, the rest after another, a soft border between them.

A mask is a greyscale picture of any size: white belongs to the region. This one is drawn here; for
your own pictures, draw it in a paint program or take it from a segmentation network.

    python examples/regions.py --size 256
"""

from __future__ import annotations

import argparse
from pathlib import Path

from PIL import Image, ImageDraw

import impasto
from impasto.images.samples import SAMPLES


def sky_mask(size: tuple[int, int]) -> Image.Image:
    """The upper part of a picture of (width, height) pixels."""
    width, height = size
    mask = Image.new("L", size, 0)
    ImageDraw.Draw(mask).rectangle((0, 0, width, round(0.4 * height)), fill=255)
    return mask


def main() -> None:
    """Paint one picture by optimization and one in a single pass, with the same region."""
    parser = argparse.ArgumentParser(description="Regions with styles of their own.")
    parser.add_argument("--size", type=int, default=256, help="long side in pixels")
    parser.add_argument("--steps", type=int, default=10, help="at each smaller size")
    parser.add_argument("--final-steps", type=int, default=54, help="at the full size")
    parser.add_argument("-o", "--output", type=Path, default=Path("out"), help="a folder")
    args = parser.parse_args()

    content = SAMPLES / "tuebingen.jpg"
    style = SAMPLES / "hokusai-great-wave.jpg"
    args.output.mkdir(parents=True, exist_ok=True)
    mask = args.output / "sky-mask.png"
    with Image.open(content) as photo:
        sky_mask(photo.size).save(mask)

    # NAME=MASK@STYLE: this region after a style of its own. What no region covers is painted after
    # the style argument; NAME=MASK alone keeps a region as it is in the photograph.
    sky = f"sky={mask}@{SAMPLES / 'van-gogh-starry-night.jpg'}"
    feather = 0.02  # blur of the mask's border, as a share of the long side

    painted = impasto.paint(
        content,
        style,
        regions=[sky],
        feather=feather,
        size=args.size,
        steps=args.steps,
        final_steps=args.final_steps,
    )
    painted.save(args.output / "regions-painted.png")

    stylized = impasto.stylize(content, style, regions=[sky], feather=feather, size=args.size)
    stylized.save(args.output / "regions-one-pass.png")


if __name__ == "__main__":
    main()
