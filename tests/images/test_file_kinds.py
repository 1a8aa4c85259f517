"""What is no picture, or needs a library, is told in a sentence; HEIC and raw files are read."""

from __future__ import annotations

import sys
from functools import partial
from pathlib import Path

import numpy as np
import pillow_heif
import pytest
import tifffile
from PIL import Image

from helpers import sentences
from helpers.picture_files import smooth
from impasto import images
from impasto.errors import ImageError

sentence = partial(sentences.said, ImageError)

FTYP = b"\0\0\0\x18ftyp%b\0\0\0\0mif1%b"

KINDS = {
    "a.mp4": (FTYP % (b"isom", b"avc1"), "is a video: save one of its frames as a picture"),
    "a.mov": (b"\0\0\0\x14ftypqt  ", "is a video: "),
    "old.mov": (b"\0\0\0\x08wide\0\0\0\0mdat", "is a video: "),
    "a.mkv": (b"\x1a\x45\xdf\xa3....", "is a video: "),
    "a.avi": (b"RIFF\0\0\0\0AVI LIST", "is a video: "),
    "a.svg": (b'<?xml version="1.0"?>\n<svg xmlns="x"/>', "is a vector drawing: export it as PNG"),
    "b.svg": (b"<svg></svg>", "is a vector drawing: "),
    "a.pdf": (b"%PDF-1.7\n", "is a PDF document: export its page as PNG."),
    "a.eps": (b"%!PS-Adobe-3.0 EPSF", "is a PostScript file: export it as PNG"),
    "a.jxl": (b"\xff\x0a\xfa", "is a JPEG XL picture: save it as PNG."),
    "a.exr": (b"v/1\x01....", "is a picture with high dynamic range: save it as PNG or JPEG."),
    "a.xcf": (b"gimp xcf v011\0", "is an image editor's own file: export it as PNG"),
    "a.zip": (b"PK\x03\x04....", "is an archive: unpack it"),
    "a.jpg": (b"<!DOCTYPE html><html>", "is a web page: download the picture itself."),
    "b.jpg": (b"Not found\n", "is a text file: give a picture."),
    "c.jpg": (b"version https://git-lfs.github.com/spec/v1\n", "is a pointer of Git LFS: fetch"),
    "._d.jpg": (b"\x00\x05\x16\x07\0\2\0\0", "is a Mac's companion file, without pixels: give"),
    "e.jpg": (b"\xff\xd8\xff\xf7....", "is a JPEG file of a kind that cannot be read, or damaged"),
}


@pytest.mark.parametrize("name", KINDS)
def test_a_sentence_says_what_it_is(tmp_path, name):
    content, expected = KINDS[name]
    path = tmp_path / name
    path.write_bytes(content)
    message = sentence(images.read, path)
    assert message.startswith(f"{path} {expected}")
    assert message.endswith(".")


@pytest.mark.parametrize("name", KINDS)
def test_the_name_does_not_matter(tmp_path, name):
    (tmp_path / "picture.png").write_bytes(KINDS[name][0])
    if name != "old.mov":  # of which only the name says it
        assert KINDS[name][1] in sentence(images.read, tmp_path / "picture.png")


# --- HEIC -----------------------------------------------------------------------------------------


@pytest.fixture
def heic(tmp_path: Path) -> Path:
    pixels = (smooth() * 255).round().astype(np.uint8)
    exif = Image.Exif()
    exif[0x8298] = "Anna"
    file = pillow_heif.from_pillow(Image.fromarray(pixels))
    file.save(tmp_path / "a.heic", quality=-1, chroma=444, exif=exif.tobytes())
    return tmp_path / "a.heic"


def test_heic_is_read(heic):
    picture = images.read(heic)
    np.testing.assert_allclose(picture.tensor[0].permute(1, 2, 0), smooth(), atol=3 / 255)
    assert picture.info.tags[0x8298] == "Anna"
    heic.rename(heic.with_name("phone.jpg"))
    assert images.read(heic.with_name("phone.jpg")).size == picture.size


@pytest.mark.parametrize("call", [images.read, images.read_metadata])
def test_heic_without_the_library(heic, monkeypatch, call):
    monkeypatch.setitem(sys.modules, "pillow_heif", None)
    assert sentence(call, heic) == (
        f"{heic} is a HEIC picture, which needs pillow-heif: pip install '.[heic]' in the clone "
        "(or save it as PNG)."
    )


def test_cut_heic(heic):
    heic.write_bytes(heic.read_bytes()[:300])
    assert sentence(images.read, heic).startswith(f"{heic} is damaged or cut short (")


# --- raw files ------------------------------------------------------------------------------------

WIDTH, HEIGHT = 96, 64


@pytest.fixture
def dng(tmp_path: Path) -> Path:
    """A small raw file: a red left half and a blue right half under a filter of 2×2 colours."""
    sensor = np.full((HEIGHT, WIDTH), 1000, np.uint16)
    sensor += (10 * np.arange(WIDTH)).astype(np.uint16)
    sensor[::2, : WIDTH // 2 : 2] += 11000  # red
    sensor[1::2, WIDTH // 2 + 1 :: 2] += 11000  # blue
    unity = [1, 1, 0, 1, 0, 1, 0, 1, 1, 1, 0, 1, 0, 1, 0, 1, 1, 1]
    tags = [
        (50706, 1, 4, (1, 4, 0, 0), True),  # DNG version
        (50708, 2, None, "Made by hand", True),  # camera
        (33421, 3, 2, (2, 2), True),  # the filter's size
        (33422, 1, 4, (0, 1, 1, 2), True),  # and colours
        (50717, 4, 1, 16383, True),  # white
        (50721, 10, 9, unity, True),  # XYZ → camera
        (50728, 5, 3, (1, 1, 1, 1, 1, 1), True),  # neutral
        (315, 2, None, "Anna", True),
    ]
    tifffile.imwrite(tmp_path / "a.dng", sensor, photometric=32803, extratags=tags, metadata=None)
    return tmp_path / "a.dng"


def test_a_raw_file_is_developed(dng):
    picture = images.read(dng)
    assert picture.size == (HEIGHT, WIDTH)
    red, _, blue = picture.tensor[0, :, 8:-8, 8:40].mean((1, 2))
    assert red > 2 * blue
    red, _, blue = picture.tensor[0, :, 8:-8, 56:-8].mean((1, 2))
    assert blue > 2 * red
    assert picture.tensor.unique().diff().min() < 1 / 1000  # more than 8 bits
    assert picture.info.tags[315] == "Anna"


def test_a_raw_file_without_the_library(dng, monkeypatch):
    monkeypatch.setitem(sys.modules, "rawpy", None)
    for name in ("a.dng", "a.tif", "a.jpg"):
        path = dng.rename(dng.with_name(name))
        assert sentence(images.read, path) == (
            f"{path} is a camera's raw file, which needs rawpy: pip install '.[raw]' in the clone "
            "(or save it as PNG)."
        )
        path.rename(dng)


def test_the_preview_of_a_raw_file_is_not_painted(tmp_path):
    """A file whose first page is a small preview, as cameras write it."""
    path = tmp_path / "DSC_0001.NEF"
    Image.new("RGB", (160, 120)).save(path, "TIFF", tiffinfo={254: 1, 330: 8})
    expected = f"{path} is a camera's raw file that LibRaw cannot open ("
    assert sentence(images.read, path).startswith(expected)
    other = path.rename(path.with_suffix(".tif"))
    assert "is a camera's raw file" in sentence(images.read, other)


def test_too_large_a_raw_file(dng):
    message = sentence(images.read, dng, max_pixels=100)
    assert message.startswith(f"{dng} has 96 × 64 = 6144 pixels and at most 100 are read")
