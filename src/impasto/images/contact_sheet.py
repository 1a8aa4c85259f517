"""Contact sheets: pictures side by side with their names, to be looked at."""

from __future__ import annotations

import unicodedata
from collections.abc import Sequence
from dataclasses import dataclass

from PIL import Image, ImageDraw, ImageFont

MARGIN = 12
_CAPTION = 22
PAPER = (250, 249, 246)
INK = (60, 60, 60)
_PLAIN = {"×": "x", "–": "-", "—": "-", "ß": "ss", "α": "alpha", "β": "beta", "→": "->"}


@dataclass(frozen=True)
class Cell:
    """One picture of a sheet and what is written under it."""

    image: Image.Image
    caption: str = ""


def contact_sheet(rows: Sequence[Sequence[Cell]], *, height: int = 320) -> Image.Image:
    """A sheet of rows of pictures, all of one height, each with its caption.

    Args:
        rows: The pictures; rows may differ in length.
        height: Of each picture, in pixels.

    Returns:
        An RGB image; transparent parts show the paper.
    """
    scaled = [[Cell(fit(cell.image, height), cell.caption) for cell in row] for row in rows]
    widths = [sum(cell.image.width + MARGIN for cell in row) + MARGIN for row in scaled]
    step = height + _CAPTION + MARGIN
    sheet = Image.new("RGB", (max(widths), len(scaled) * step + MARGIN), PAPER)
    draw = ImageDraw.Draw(sheet)
    font = ImageFont.load_default(14)
    for number, row in enumerate(scaled):
        left, top = MARGIN, MARGIN + number * step
        for cell in row:
            mask = cell.image.getchannel("A") if cell.image.mode == "RGBA" else None
            sheet.paste(cell.image, (left, top), mask)
            caption = shorten(written(cell.caption, font), cell.image.width, font)
            draw.text((left, top + height + 4), caption, fill=INK, font=font)
            left += cell.image.width + MARGIN
    return sheet


def fit(image: Image.Image, height: int) -> Image.Image:
    """The picture at that height, RGB or RGBA."""
    image = image.convert("RGBA" if image.has_transparency_data else "RGB")
    width = max(1, round(image.width * height / image.height))
    return image.resize((width, height), Image.Resampling.LANCZOS)


def written(text: str, font: ImageFont.FreeTypeFont | ImageFont.ImageFont) -> str:
    """The text with letters that Pillow's own font has: ü becomes u and × x, not a box."""
    none = bytes(font.getmask("\uffff"))
    plain = []
    for letter in text:
        if bytes(font.getmask(letter)) == none:
            bare = unicodedata.normalize("NFKD", letter).encode("ascii", "ignore").decode()
            letter = bare or _PLAIN.get(letter, "?")
        plain.append(letter)
    return "".join(plain)


def shorten(text: str, width: int, font: ImageFont.FreeTypeFont | ImageFont.ImageFont) -> str:
    """The text, cut with an ellipsis where it would run under the next picture."""
    if font.getlength(text) <= width:
        return text
    while text and font.getlength(text + "…") > width:
        text = text[:-1]
    return text + "…"
