"""Sheets of pictures: rows with captions, or a grid with row and column headings."""

from __future__ import annotations

import itertools
import unicodedata
from collections.abc import Sequence
from dataclasses import dataclass

from PIL import Image, ImageDraw, ImageFont

MARGIN = 12
BACKGROUND = (250, 249, 246)
TEXT_COLOUR = (60, 60, 60)
_CAPTION_HEIGHT = 22
_LINE_HEIGHT = 18
_ROW_NAME_WIDTH = 150
_REPLACEMENTS = {"×": "x", "–": "-", "—": "-", "ß": "ss", "α": "alpha", "β": "beta", "→": "->"}

Font = ImageFont.FreeTypeFont | ImageFont.ImageFont


@dataclass(frozen=True)
class CaptionedImage:
    """A picture of a sheet and the text below it."""

    image: Image.Image
    caption: str = ""


def contact_sheet(rows: Sequence[Sequence[CaptionedImage]], *, height: int = 320) -> Image.Image:
    """Rows of pictures of one height, each with its caption.

    Args:
        rows: The pictures; rows may differ in length.
        height: Of each picture, in pixels.

    Returns:
        An RGB image; transparent parts show the background.
    """
    font = ImageFont.load_default(14)
    scaled = [[(_scale(cell.image, height), cell.caption) for cell in row] for row in rows]
    widths = [sum(image.width + MARGIN for image, _ in row) + MARGIN for row in scaled]
    step = height + _CAPTION_HEIGHT + MARGIN
    sheet = Image.new("RGB", (max(widths), len(scaled) * step + MARGIN), BACKGROUND)
    draw = ImageDraw.Draw(sheet)
    for number, row in enumerate(scaled):
        left, top = MARGIN, MARGIN + number * step
        for image, caption in row:
            mask = image.getchannel("A") if image.mode == "RGBA" else None
            sheet.paste(image, (left, top), mask)
            line = _shorten(caption, image.width, font)
            draw.text((left, top + height + 4), line, fill=TEXT_COLOUR, font=font)
            left += image.width + MARGIN
    return sheet


def picture_grid(
    rows: Sequence[Sequence[Image.Image | None]],
    *,
    row_names: Sequence[str] = (),
    column_names: Sequence[str] = (),
    height: int = 240,
) -> Image.Image:
    """Pictures in rows and columns, with headings.

    Args:
        rows: The pictures, in rows of equal length; None leaves a cell empty.
        row_names: Left of the rows; long names are wrapped.
        column_names: Above the columns; long names are wrapped.
        height: Of each picture, in pixels.

    Returns:
        An RGB image.
    """
    font = ImageFont.load_default(14)
    scaled = [[None if image is None else _scale(image, height) for image in row] for row in rows]
    widths = [
        max((image.width for image in column if image is not None), default=height)
        for column in itertools.zip_longest(*scaled)
    ]
    left = MARGIN + (_ROW_NAME_WIDTH if any(row_names) else 0)
    *lefts, right = itertools.accumulate((width + MARGIN for width in widths), initial=left)
    headings = [
        wrap_text(name, width, font) for name, width in zip(column_names, widths, strict=False)
    ]
    top = MARGIN + (max(map(len, headings)) * _LINE_HEIGHT + 4 if headings else 0)
    step = height + MARGIN
    sheet = Image.new("RGB", (right, top + len(scaled) * step), BACKGROUND)
    draw = ImageDraw.Draw(sheet)

    def write(lines: Sequence[str], x: int, y: int) -> None:
        for number, line in enumerate(lines):
            draw.text((x, y + number * _LINE_HEIGHT), line, fill=TEXT_COLOUR, font=font)

    for heading, x in zip(headings, lefts, strict=False):
        write(heading, x, MARGIN)
    for index, row in enumerate(scaled):
        y = top + index * step
        if index < len(row_names):
            write(wrap_text(row_names[index], _ROW_NAME_WIDTH - MARGIN, font), MARGIN, y)
        for column, image in enumerate(row):
            if image is not None:
                sheet.paste(image, (lefts[column], y))
    return sheet


def wrap_text(text: str, width: int, font: Font) -> list[str]:
    """Text in lines of at most ``width`` pixels, broken at spaces and within words too long."""
    lines: list[str] = []
    for word in _drawable(text, font).split():
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


def _scale(image: Image.Image, height: int) -> Image.Image:
    """The picture at a height, RGB or RGBA."""
    image = image.convert("RGBA" if image.has_transparency_data else "RGB")
    width = max(1, round(image.width * height / image.height))
    return image.resize((width, height), Image.Resampling.LANCZOS)


def _drawable(text: str, font: Font) -> str:
    """The text in letters that Pillow's own font has: ü becomes u and × becomes x, not a box."""
    missing = bytes(font.getmask("\uffff"))
    letters = []
    for letter in text:
        if bytes(font.getmask(letter)) == missing:
            bare = unicodedata.normalize("NFKD", letter).encode("ascii", "ignore").decode()
            letter = bare or _REPLACEMENTS.get(letter, "?")
        letters.append(letter)
    return "".join(letters)


def _shorten(text: str, width: int, font: Font) -> str:
    """Drawable text, cut with an ellipsis if it is wider than ``width`` pixels."""
    text = _drawable(text, font)
    if font.getlength(text) <= width:
        return text
    while text and font.getlength(text + "…") > width:
        text = text[:-1]
    return text + "…"
