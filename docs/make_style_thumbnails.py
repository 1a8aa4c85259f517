"""Makes the thumbnails of the page: a sample in each named style, painted in one pass."""

import argparse
from pathlib import Path

import impasto
from impasto import images
from impasto.images.samples import SAMPLES
from impasto.networks.catalogue import style_names

ROOT = Path(__file__).parents[1]
FOLDER = ROOT / "src" / "impasto" / "web" / "static" / "styles"


def main() -> None:
    """Write one square picture a style."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--photo", type=Path, default=SAMPLES / "lighthouse.jpg")
    parser.add_argument("--side", type=int, default=120, help="in pixels")
    arguments = parser.parse_args()
    photo = images.read(arguments.photo, long_side=3 * arguments.side)
    FOLDER.mkdir(parents=True, exist_ok=True)
    for name in style_names("multi"):
        picture = impasto.stylize(photo, name).image.convert("RGB")
        side = min(picture.size)
        left, top = (picture.width - side) // 2, (picture.height - side) // 2
        square = picture.crop((left, top, left + side, top + side))
        square.resize((arguments.side, arguments.side)).save(FOLDER / f"{name}.jpg", quality=80)


if __name__ == "__main__":
    main()
