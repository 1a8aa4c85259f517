"""Makes docs/readme/strip.jpg, the picture at the top of README, from sample pictures.

python docs/make_strip.py
python docs/make_strip.py --keep  # lay out what is in out/ already
"""

from __future__ import annotations

import argparse
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

from PIL import Image, ImageDraw, ImageFont, ImageOps

ROOT = Path(__file__).parents[1]
STRIP = ROOT / "docs" / "readme" / "strip.jpg"
SAMPLES = "src/impasto/data/samples"
PHOTO = f"{SAMPLES}/tuebingen.jpg"
NIGHT, WAVE = f"{SAMPLES}/van-gogh-starry-night.jpg", f"{SAMPLES}/hokusai-great-wave.jpg"
SKY = "docs/pictures/tuebingen-sky.png"

BOLD = ("--style-loss", "gaussian-ot", "--style-scale", "2", "--style-weight", "4")
"""Large strokes, and colours nearer to the painting's."""

CELL = (512, 384)
GAP, LINE = 10, 34
BACKGROUND, TEXT = (255, 255, 255), (70, 70, 70)


@dataclass(frozen=True)
class Cell:
    """A place of the strip: its caption, and the pictures stacked there or the command for one."""

    caption: str
    pictures: tuple[str, ...] = ()
    command: tuple[str, ...] = ()

    @property
    def output(self) -> str:
        """The picture that the command writes."""
        return self.command[-1]


def _paint(name: str, style: str, *options: str) -> tuple[str, ...]:
    return ("paint", PHOTO, style, "--size", "640", *options, "-o", f"out/strip-{name}.png")


CELLS = (
    Cell("a photograph", (PHOTO,)),
    Cell("two paintings", (NIGHT, WAVE)),
    Cell("impasto paint --style-scale 2", command=_paint("paint", NIGHT, *BOLD)),
    Cell(
        "impasto stylize: under a second",
        command=(
            "stylize", PHOTO, "--style", "great-wave", "--size", "640",
            "-o", "out/strip-one-pass.png",
        ),
    ),
    Cell("--region sky=…", command=_paint("region", WAVE, "--region", f"sky={SKY}@{NIGHT}")),
    Cell("--colour content", command=_paint("colours", NIGHT, *BOLD, "--colour", "content")),
)  # fmt: skip
"""Row by row, three in each."""


def strip() -> Image.Image:
    """The pictures in two rows of three, each with its caption."""
    width, height = CELL
    size = (3 * width + 2 * GAP, 2 * (height + LINE))
    sheet = Image.new("RGB", size, BACKGROUND)
    draw, font = ImageDraw.Draw(sheet), ImageFont.load_default(22)
    for number, cell in enumerate(CELLS):
        row, column = divmod(number, 3)
        left, top = column * (width + GAP), row * (height + LINE)
        names = cell.pictures or (cell.output,)
        each = (height - GAP * (len(names) - 1)) // len(names)
        for place, name in enumerate(names):
            with Image.open(ROOT / name) as file:
                picture = file.convert("RGB")
            fitted = ImageOps.fit(picture, (width, each), Image.Resampling.LANCZOS)
            sheet.paste(fitted, (left, top + place * (each + GAP)))
        draw.text((left, top + height + 4), cell.caption, fill=TEXT, font=font)
    return sheet


def main() -> None:
    """Paint the pictures and write the strip."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").split("\n", 1)[0])
    parser.add_argument("--keep", action="store_true", help="run no command: use the files in out/")
    args = parser.parse_args()
    for cell in CELLS:
        if cell.command and not args.keep:
            print("impasto", *cell.command, flush=True)
            command = [sys.executable, "-m", "impasto", *cell.command, "--overwrite"]
            subprocess.run(command, cwd=ROOT, check=True)
    STRIP.parent.mkdir(exist_ok=True)
    strip().save(STRIP, quality=86, optimize=True)
    print(f"{STRIP.relative_to(ROOT)}: {STRIP.stat().st_size / 1000:.0f} kB")


if __name__ == "__main__":
    main()
