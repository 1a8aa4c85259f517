"""``impasto edges``: Sobel maps of pictures, against a photograph's, and their fine detail."""

from __future__ import annotations

import argparse
import json
from pathlib import Path

from impasto import images
from impasto.cli.shared.limits import add_max_pixels
from impasto.errors import ImageError, OptionError
from impasto.evaluation.matching import brought_to, picture_files
from impasto.images.contact_sheet import Cell, contact_sheet
from impasto.images.picture import Picture, fit_size
from impasto.metrics.edges import (
    difference_picture,
    edge_difference,
    edge_map,
    edge_picture,
    high_frequency_energy,
)

EXAMPLES = """\
examples:
  impasto edges photo.jpg painting.jpg -o edges.png
  impasto edges out.png --content photo.jpg -o lines.png
  impasto edges painted/ --content photo.jpg --json

Maps are black where a picture is flat, and white where the luma rises by a quarter of
black-to-white or more from pixel to pixel. In a difference, red edges were put in by the result
and blue ones were lost.
"""

_TALLEST = 480

Figures = dict[str, str | float]
"""What is told of a picture: its path, its energy, and that of its photograph."""


def configure(parser: argparse.ArgumentParser) -> None:
    """Add the options of ``edges``."""
    add = parser.add_argument
    add("pictures", nargs="+", metavar="IMAGE", type=Path, help="pictures, or folders of them")
    add("-o", "--output", metavar="SHEET", type=Path, help="the contact sheet to make")
    add("--content", metavar="PHOTO", type=Path, help="what the pictures were painted from")
    add("--size", type=int, default=512, metavar="N",
        help="long side that larger pictures are brought to [512]")  # fmt: skip
    add_max_pixels(parser)
    add("--json", action="store_true", help="print the figures as JSON")


def run(args: argparse.Namespace) -> int:
    """Make the sheet, print the figures, and return the exit code."""
    if args.size < 1:
        raise OptionError(f"--size is {args.size} pixels: choose 1 or more.")
    if args.output:
        images.check_output(args.output)
    limit = args.max_pixels
    content = images.read(args.content, max_pixels=limit) if args.content else None
    paths = [path for place in args.pictures for path in picture_files(place)]
    seen = [_seen(path, content, args.size, limit) for path in paths]
    rows, told = [cells for cells, _ in seen], [figures for _, figures in seen]
    if args.output:
        height = max(cell.image.height for row in rows for cell in row)
        sheet = contact_sheet(rows, height=min(height, _TALLEST))
        images.write(args.output, images.from_pil(sheet).tensor)
    if args.json:
        print(json.dumps(told, indent=2, ensure_ascii=False))
    else:
        _print(told)
    return 0


def _seen(
    path: Path, content: Picture | None, size: int, max_pixels: int
) -> tuple[list[Cell], Figures]:
    """The row of the sheet, and the figures, of one picture."""
    picture = images.read(path, max_pixels=max_pixels)
    picture = picture.resized(fit_size(picture.size, size, max_enlarge=1))
    figures: Figures = {"picture": str(path)}
    try:
        figures["energy"] = _energy(picture)
        if content is None:
            return [_cell(picture, path.name), _map(picture, "edges")], figures
        photo = brought_to(content, picture.size)
        figures["content_energy"] = _energy(photo)
    except ImageError as error:
        raise ImageError(f"{path}: {error}") from None
    return _compared(photo, picture, path), figures


def _compared(photo: Picture, result: Picture, path: Path) -> list[Cell]:
    difference = edge_difference(result.tensor, photo.tensor)
    return [
        _cell(photo, photo.path.name if photo.path else ""),
        _cell(result, path.name),
        _map(photo, "edges of the photograph"),
        _map(result, "edges of the result"),
        Cell(images.to_pil(difference_picture(difference)), "red: put in, blue: lost"),
    ]


def _cell(picture: Picture, caption: str) -> Cell:
    return Cell(images.to_pil(picture.tensor, picture.alpha), caption)


def _map(picture: Picture, caption: str) -> Cell:
    return Cell(images.to_pil(edge_picture(edge_map(picture.tensor))), caption)


def _energy(picture: Picture) -> float:
    return float(high_frequency_energy(picture.tensor))


def _print(rows: list[Figures]) -> None:
    for row in rows:
        energy, before = row["energy"], row.get("content_energy")
        line = f"{row['picture']}: high-frequency energy {energy:.3g}"
        if isinstance(energy, float) and isinstance(before, float):
            line += f", photograph {before:.3g}"
            if before > 0:
                line += f", {energy / before:.2f} times it"
        print(line)
