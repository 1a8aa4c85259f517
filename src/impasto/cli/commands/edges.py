"""``impasto edges``: edge maps and high-frequency energy of pictures."""

from __future__ import annotations

import argparse
from pathlib import Path

from impasto import images
from impasto.cli.shared.messages import print_json, print_result
from impasto.cli.shared.outputs import check_apart, check_replaceable, write_sheet
from impasto.errors import ImageError, OptionError, printable
from impasto.evaluation.matching import picture_files, resize_to_result
from impasto.images.contact_sheet import CaptionedImage, contact_sheet
from impasto.images.picture import Picture, fit_size
from impasto.metrics.edges import (
    edge_difference,
    edge_map,
    high_frequency_energy,
    render_edge_difference,
    render_edges,
)

_MAX_HEIGHT = 480
"""Of a picture on the sheet, in pixels."""

Measurements = dict[str, str | float]
"""``picture`` (its path), ``energy``, and ``content_energy`` if there is a photograph."""


def run(args: argparse.Namespace) -> int:
    """Write the sheet, print the energies, and return the exit code."""
    if args.size < 1:
        raise OptionError(f"--size is {args.size} pixels: choose 1 or more.")
    if args.output:
        images.check_output(args.output)
    limit = args.max_pixels
    content = images.read(args.content, max_pixels=limit) if args.content else None
    paths = [path for name in args.pictures for path in picture_files(name)]
    check_apart([("-o", args.output)], [*paths, args.content])
    if args.output:
        check_replaceable(args.output, overwrite=args.overwrite)
    measured = [_measure(path, content, args.size, limit) for path in paths]
    rows, measurements = [row for row, _ in measured], [values for _, values in measured]
    if args.output:
        height = max(cell.image.height for row in rows for cell in row)
        sheet = contact_sheet(rows, height=min(height, _MAX_HEIGHT))
        write_sheet(args.output, sheet)
    if args.json:
        print_json(measurements)
    else:
        _print(measurements)
    return 0


def _measure(
    path: Path, content: Picture | None, size: int, max_pixels: int
) -> tuple[list[CaptionedImage], Measurements]:
    """Measure one picture; returns its row of the sheet and its energies."""
    picture = images.read(path, max_pixels=max_pixels)
    picture = picture.resized(fit_size(picture.size, size, max_enlarge=1))
    values: Measurements = {"picture": str(path)}
    try:
        values["energy"] = _energy(picture)
        if content is None:
            return [_cell(picture, path.name), _map(picture, "edges")], values
        photo = resize_to_result(content, picture.size)
        values["content_energy"] = _energy(photo)
    except ImageError as error:
        raise ImageError(f"{path}: {error}") from None
    return _comparison(photo, picture, path), values


def _comparison(photo: Picture, result: Picture, path: Path) -> list[CaptionedImage]:
    difference = edge_difference(result.tensor, photo.tensor)
    return [
        _cell(photo, photo.path.name if photo.path else ""),
        _cell(result, path.name),
        _map(photo, "edges of the photograph"),
        _map(result, "edges of the result"),
        CaptionedImage(images.to_pil(render_edge_difference(difference)), "red: added, blue: lost"),
    ]


def _cell(picture: Picture, caption: str) -> CaptionedImage:
    return CaptionedImage(images.to_pil(picture.tensor, picture.alpha), caption)


def _map(picture: Picture, caption: str) -> CaptionedImage:
    return CaptionedImage(images.to_pil(render_edges(edge_map(picture.tensor))), caption)


def _energy(picture: Picture) -> float:
    return float(high_frequency_energy(picture.tensor))


def _print(rows: list[Measurements]) -> None:
    lines = []
    for row in rows:
        energy, of_photo = row["energy"], row.get("content_energy")
        line = f"{row['picture']}: high-frequency energy {energy:.3g}"
        if isinstance(energy, float) and isinstance(of_photo, float):
            line += f", photograph {of_photo:.3g}"
            if of_photo > 0:
                line += f", {energy / of_photo:.2f} times as much"
        lines.append(printable(line))
    print_result("\n".join(lines))
