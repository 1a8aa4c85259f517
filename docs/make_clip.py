"""Makes a clip of a camera that glides over a photograph, to try ``impasto video`` with.

The command is ``python docs/make_clip.py out/glide.mp4``.
"""

from __future__ import annotations

import argparse
import math
from fractions import Fraction
from pathlib import Path

import av
from PIL import Image

PHOTO = Path(__file__).parent / "pictures" / "tuebingen.jpg"


def main(output: Path, seconds: float, rate: int, size: tuple[int, int]) -> None:
    """Write the clip.

    Args:
        output: A video file.
        seconds: How long it is.
        rate: Frames a second.
        size: Width and height.
    """
    photo = Image.open(PHOTO).convert("RGB")
    output.parent.mkdir(parents=True, exist_ok=True)
    with av.open(str(output), "w") as container:
        stream = container.add_stream("libx264", rate=rate, options={"crf": "14"})
        stream.width, stream.height = size
        stream.pix_fmt = "yuv420p"
        count = round(seconds * rate)
        for number in range(count):
            share = (1 - math.cos(math.pi * number / max(1, count - 1))) / 2
            box = window(photo.size, size, share)
            picture = photo.resize(size, Image.Resampling.BICUBIC, box=box)
            frame = av.VideoFrame.from_image(picture).reformat(
                format="yuv420p", dst_colorspace="ITU709", dst_color_range="MPEG"
            )
            frame.pts, frame.time_base = number, Fraction(1, rate)
            container.mux(stream.encode(frame))
        container.mux(stream.encode(None))


def window(
    photo: tuple[int, int], size: tuple[int, int], share: float
) -> tuple[float, float, float, float]:
    """The part of a photograph that is seen: from the left half to all of it."""
    width = photo[0] * (0.55 + 0.45 * share)
    height = width * size[1] / size[0]
    if height > photo[1]:
        width, height = photo[1] * size[0] / size[1], photo[1]
    left = (photo[0] - width) * share / 2
    top = (photo[1] - height) / 2
    return left, top, left + width, top + height


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description="Make a clip that glides over a photograph.")
    parser.add_argument("output", type=Path)
    parser.add_argument("--seconds", type=float, default=5.0)
    parser.add_argument("--rate", type=int, default=12)
    parser.add_argument("--size", type=int, nargs=2, default=(320, 214), metavar=("W", "H"))
    args = parser.parse_args()
    main(args.output, args.seconds, args.rate, (args.size[0], args.size[1]))
