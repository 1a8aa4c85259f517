"""Contact sheets and grids: places, captions, headings and transparency."""

from __future__ import annotations

import pytest
from PIL import Image, ImageChops, ImageFont

from impasto.images.contact_sheet import CaptionedImage, contact_sheet, picture_grid, wrap_text

RED, GREEN, BLUE = (200, 0, 0), (0, 200, 0), (0, 0, 200)
BACKGROUND = (250, 249, 246)


def solid(colour: tuple[int, ...], width: int, height: int, mode: str = "RGB") -> Image.Image:
    return Image.new(mode, (width, height), colour)


def bounding_box(
    sheet: Image.Image, colour: tuple[int, int, int]
) -> tuple[int, int, int, int] | None:
    """The box of all pixels that have this colour."""
    difference = ImageChops.difference(sheet, Image.new("RGB", sheet.size, colour))
    return difference.convert("L").point(lambda level: 255 * (level == 0)).getbbox()


def test_pictures_are_placed_in_rows():
    rows = [
        [CaptionedImage(solid(RED, 80, 40)), CaptionedImage(solid(GREEN, 20, 80))],
        [CaptionedImage(solid(BLUE, 40, 40))],
    ]
    sheet = contact_sheet(rows, height=40)
    assert (sheet.mode, sheet.getpixel((0, 0))) == ("RGB", BACKGROUND)
    # Margins of 12 px, captions of 22 px.
    assert bounding_box(sheet, RED) == (12, 12, 12 + 80, 52)
    assert bounding_box(sheet, GREEN) == (12 + 80 + 12, 12, 12 + 80 + 12 + 10, 52)
    assert bounding_box(sheet, BLUE) == (12, 52 + 22 + 12, 52, 52 + 22 + 12 + 40)
    assert sheet.size == (12 + 80 + 12 + 10 + 12, 2 * (40 + 22 + 12) + 12)


def caption_box(caption: str, width: int = 80) -> tuple[int, int, int, int] | None:
    """The box of the pixels of a caption below a red picture, with a green one next to it."""
    cells = [
        CaptionedImage(solid(RED, width, 40), caption),
        CaptionedImage(solid(GREEN, width, 40)),
    ]
    bare = contact_sheet([[CaptionedImage(cell.image) for cell in cells]], height=40)
    return ImageChops.difference(contact_sheet([cells], height=40), bare).getbbox()


def test_missing_letters_are_replaced():
    """By letters that the font has, not by boxes."""
    for caption, replaced in (("Tübingen", "Tubingen"), ("a × b – c", "a x b - c"), ("東", "?")):
        cells = [CaptionedImage(solid(RED, 90, 20), text) for text in (caption, replaced)]
        one, other = (contact_sheet([[cell]], height=20) for cell in cells)
        assert ImageChops.difference(one, other).getbbox() is None


def test_captions_stay_below_their_pictures():
    assert caption_box("") is None
    for caption in ("ab", "a caption that is far too long", "Tübingen, 東京 and so on and on"):
        left, top, right, bottom = caption_box(caption) or (0, 0, 0, 0)
        assert 12 <= left < right <= 12 + 80
        assert 52 <= top < bottom <= 52 + 22 + 12
    long, short = (caption_box(text) for text in ("a caption that is far too long", "a c"))
    assert long
    assert short
    assert long[2] > short[2]


@pytest.mark.parametrize("mode", ["RGBA", "LA", "P"])
def test_transparent_parts_show_the_background(mode):
    half = solid((*RED, 255), 40, 40, "RGBA")
    half.paste((0, 0, 0, 0), (20, 0, 40, 40))
    sheet = contact_sheet([[CaptionedImage(half.convert(mode))]], height=40)
    assert sheet.getpixel((12 + 35, 30)) == BACKGROUND
    assert sheet.getpixel((12 + 5, 30)) != BACKGROUND


@pytest.mark.parametrize("mode", ["L", "1", "I;16", "CMYK", "HSV"])
def test_pictures_of_any_mode(mode):
    picture = Image.new(mode, (30, 30))
    assert contact_sheet([[CaptionedImage(picture)]], height=10).size == (34, 56)


def test_long_headings_are_wrapped_and_nothing_overlaps():
    font = ImageFont.load_default(14)
    lines = wrap_text("a-very-long-word-without-any-space-in-it and short ones", 60, font)
    assert all(font.getlength(line) <= 60 for line in lines)
    assert "".join(lines).replace(" ", "") == "a-very-long-word-without-any-space-in-itandshortones"
    red = Image.new("RGB", (40, 30), "red")
    for columns in (1, 40):
        sheet = picture_grid(
            [[red] * columns], row_names=["row name"], column_names=["name " * 9] * columns,
            height=30,
        )  # fmt: skip
        reds = sum(pixel == (255, 0, 0) for pixel in sheet.get_flattened_data())
        assert reds == columns * 40 * 30
