"""A painting inside a program: arrays in, a mask as an array, a callback that stops, figures out.

python examples/pictures_in_memory.py --size 256
"""

from __future__ import annotations

import argparse
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from PIL import Image

import impasto
from impasto.images.samples import SAMPLES
from impasto.jobs.events import Event, Progress


class StopWhenSlow:
    """Stops a painting when a step lowers the loss by less than a share of it.

    Args:
        share: 0.005 is half a percent.
    """

    def __init__(self, share: float) -> None:
        self._share = share
        self._size, self._loss = (0, 0), float("inf")

    def __call__(self, event: Event) -> bool:
        """False to stop; the painting is then as it is after this step."""
        if not isinstance(event, Progress):
            return True
        is_slow = event.size == self._size and event.loss > (1 - self._share) * self._loss
        self._size, self._loss = event.size, event.loss
        return not (is_slow and event.share > 0.5)  # the smaller sizes only prepare the last one


def upper_half(photo: NDArray[np.uint8]) -> NDArray[np.bool_]:
    """A mask (H, W): True is inside."""
    mask = np.zeros(photo.shape[:2], bool)
    mask[: len(mask) // 2] = True
    return mask


def main() -> None:
    """Paint the upper half of a photograph in a style of its own."""
    parser = argparse.ArgumentParser(description="A painting inside a program.")
    parser.add_argument("--size", type=int, default=256, help="long side in pixels")
    parser.add_argument("--final-steps", type=int, default=50, help="at the full size")
    parser.add_argument("-o", "--output", type=Path, default=Path("out"), help="a folder")
    args = parser.parse_args()

    photo = np.asarray(Image.open(SAMPLES / "lighthouse.jpg").convert("RGB"))  # (H, W, 3), uint8
    style = SAMPLES / "hokusai-great-wave.jpg"  # a path does as well
    sky = impasto.RegionSpec("sky", upper_half(photo), style=SAMPLES / "van-gogh-starry-night.jpg")
    result = impasto.paint(
        photo,
        style,
        regions=[sky],
        size=args.size,
        final_steps=args.final_steps,
        callback=StopWhenSlow(0.005),
    )
    result.save(args.output / "in-memory.png")
    figures = impasto.evaluate(result, photo, style, metrics=["content", "ssim"])
    print(
        f"{len(result.losses)} steps, content {figures['content']:.3f}, SSIM {figures['ssim']:.3f}"
    )


if __name__ == "__main__":
    main()
