"""Grids of pictures with headings over the columns and beside the rows."""

from __future__ import annotations

from collections.abc import Sequence

from PIL import Image, ImageDraw, ImageFont

from impasto.images.contact_sheet import INK, MARGIN, PAPER, fit, shorten, written

_HEADING = 16
_LABELS = 150
"""Width of the column of row headings, in pixels."""


def grid(
    rows: Sequence[Sequence[Image.Image | None]],
    *,
    row_names: Sequence[str] = (),
    column_names: Sequence[str] = (),
    captions: Sequence[Sequence[str]] = (),
    height: int = 240,
) -> Image.Image:
    """Pictures in rows and columns.

    Args:
        rows: The pictures, all rows of one length; None leaves a place empty.
        row_names: Beside the rows, broken over lines where they are long.
        column_names: Over the columns.
        captions: Under the pictures.
        height: Of each picture, in pixels.

    Returns:
        An RGB image.
    """
    font = ImageFont.load_default(14)
    fitted = [[None if cell is None else fit(cell, height) for cell in row] for row in rows]
    columns = max(len(row) for row in fitted)
    widths = [
        max([row[i].width for row in fitted if i < len(row) and row[i] is not None] or [height])  # type: ignore[union-attr]
        for i in range(columns)
    ]
    left = MARGIN + (_LABELS if any(row_names) else 0)
    headings = [
        wrapped(name, width, font) for name, width in zip(column_names, widths, strict=False)
    ]
    line = _HEADING + 2
    top = MARGIN + (max(map(len, headings)) * line + 4 if headings else 0)
    step = height + MARGIN + (line if captions else 0)
    size = (left + sum(width + MARGIN for width in widths), top + len(fitted) * step)
    sheet = Image.new("RGB", size, PAPER)
    draw = ImageDraw.Draw(sheet)
    places = [left + sum(width + MARGIN for width in widths[:i]) for i in range(columns)]
    for lines, place in zip(headings, places, strict=False):
        for number, text in enumerate(lines):
            draw.text((place, MARGIN + number * line), text, fill=INK, font=font)
    for index, row in enumerate(fitted):
        y = top + index * step
        if index < len(row_names):
            for number, text in enumerate(wrapped(row_names[index], _LABELS - MARGIN, font)):
                draw.text((MARGIN, y + number * line), text, fill=INK, font=font)
        for column, picture in enumerate(row):
            if picture is None:
                continue
            sheet.paste(picture, (places[column], y))
            if captions:
                text = shorten(written(captions[index][column], font), widths[column], font)
                draw.text((places[column], y + height + 2), text, fill=INK, font=font)
    return sheet


def wrapped(text: str, width: int, font: ImageFont.FreeTypeFont | ImageFont.ImageFont) -> list[str]:
    """The text in lines no longer than ``width``, broken at spaces, a long word where it must."""
    lines: list[str] = []
    for word in written(text, font).split():
        if lines and font.getlength(f"{lines[-1]} {word}") <= width:
            lines[-1] += f" {word}"
            continue
        while font.getlength(word) > width and len(word) > 1:
            cut = len(word)
            while cut > 1 and font.getlength(word[:cut]) > width:
                cut -= 1
            lines.append(word[:cut])
            word = word[cut:]
        lines.append(word)
    return lines
