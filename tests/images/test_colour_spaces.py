"""Colour spaces told by PNG chunks, EXIF, code points and large profiles, against LittleCMS."""

from __future__ import annotations

import io
import struct
import zlib
from pathlib import Path

import numpy as np
import pytest
import pyvips
from PIL import ExifTags, Image, ImageCms, features

from helpers import sentences
from helpers.picture_files import isobmff_colour, png, png_chunk, smooth
from impasto import images
from impasto.errors import ImageError
from impasto.images.icc import srgb_profile

INSIDE = (48 + smooth() * 160).round().astype(np.uint8)
"""Colours inside sRGB when they are taken for Adobe RGB or Display P3, but for a few."""

LINEAR = struct.pack(">I", 100_000)
ENCODED = struct.pack(">I", 45_455)
SRGB_POINTS = 31270, 32900, 64000, 33000, 30000, 60000, 15000, 6000
ADOBE_POINTS = 31270, 32900, 64000, 33000, 21000, 71000, 15000, 6000


def chromaticities(points: tuple[int, ...]) -> bytes:
    return struct.pack(">8I", *points)


def adobe_rgb_profile() -> bytes:
    """Of the colorants and the gamma that Adobe published."""
    colorants = {
        b"rXYZ": (0.60974, 0.31111, 0.01947),
        b"gXYZ": (0.20528, 0.62567, 0.06087),
        b"bXYZ": (0.14919, 0.06322, 0.74457),
    }
    tags = {
        name: b"XYZ \0\0\0\0" + struct.pack(">3i", *(round(v * 65536) for v in values))
        for name, values in colorants.items()
    }
    curve = b"curv\0\0\0\0" + struct.pack(">IH", 1, 563)
    tags |= {b"rTRC": curve, b"gTRC": curve, b"bTRC": curve}
    offset, table, body = 132 + 12 * len(tags), b"", b""
    for name, data in tags.items():
        table += name + struct.pack(">2I", offset + len(body), len(data))
        body += data + bytes(-len(data) % 4)
    white = struct.pack(">3I", 0xF6D6, 0x10000, 0xD32D)
    header = struct.pack(">3I", offset + len(body), 0, 0x02100000) + b"mntrRGB XYZ "
    header = (header.ljust(36, b"\0") + b"acsp").ljust(68, b"\0") + white
    return header.ljust(128, b"\0") + struct.pack(">I", len(tags)) + table + body


def by_littlecms(samples: np.ndarray, profile: bytes) -> np.ndarray:
    """The samples of a profile in sRGB, floats (H, W, 3)."""
    source = ImageCms.ImageCmsProfile(io.BytesIO(profile))
    converted = ImageCms.profileToProfile(
        Image.fromarray(samples), source, ImageCms.createProfile("sRGB"), outputMode="RGB",
        renderingIntent=ImageCms.Intent.RELATIVE_COLORIMETRIC, flags=ImageCms.Flags.NOOPTIMIZE,
    )  # fmt: skip
    return np.asarray(converted) / 255


def read(path: Path) -> np.ndarray:
    return images.read(path).tensor[0].permute(1, 2, 0).numpy()


def written(path: Path, *chunks: tuple[bytes, bytes], samples: np.ndarray = INSIDE) -> Path:
    path.write_bytes(png(samples, 16 if samples.dtype == np.uint16 else 8, 2, chunks=chunks))
    return path


def encoded(light: np.ndarray) -> np.ndarray:
    return np.where(light <= 0.0031308, 12.92 * light, 1.055 * light ** (1 / 2.4) - 0.055)


def test_gamma_of_a_png(tmp_path):
    expected = encoded(INSIDE / 255)
    path = written(tmp_path / "a.png", (b"gAMA", LINEAR))
    np.testing.assert_allclose(read(path), expected, atol=1e-5)
    path = tmp_path / "grey.png"
    path.write_bytes(png(INSIDE[..., 2:], 8, 0, chunks=((b"gAMA", LINEAR),)))
    np.testing.assert_allclose(read(path), np.stack([expected[..., 2]] * 3, -1), atol=1e-5)


@pytest.mark.parametrize(
    "chunks",
    [
        [(b"gAMA", ENCODED)],
        [(b"gAMA", ENCODED), (b"cHRM", chromaticities(SRGB_POINTS))],
        [(b"gAMA", LINEAR), (b"sRGB", b"\0")],
        [(b"gAMA", LINEAR), (b"iCCP", b"p\0\0" + zlib.compress(srgb_profile()))],
        [(b"cICP", bytes([1, 13, 0, 1])), (b"gAMA", LINEAR)],
        [(b"cHRM", chromaticities(ADOBE_POINTS))],  # which counts only with gAMA
        [(b"gAMA", struct.pack(">I", 0))],
        [(b"gAMA", ENCODED), (b"cHRM", bytes(32))],
    ],
)
def test_srgb_wins_and_nonsense_is_passed_over(tmp_path, chunks):
    np.testing.assert_array_equal(
        read(written(tmp_path / "a.png", *chunks)), read(written(tmp_path / "plain.png"))
    )


def test_primaries_of_a_png(tmp_path):
    chunks = [(b"gAMA", struct.pack(">I", 45_470)), (b"cHRM", chromaticities(ADOBE_POINTS))]
    path = written(tmp_path / "a.png", *chunks)
    expected = by_littlecms(INSIDE, adobe_rgb_profile())
    np.testing.assert_allclose(read(path), expected, atol=1.6 / 255)
    assert np.abs(expected - INSIDE / 255).max() > 0.05


def test_adobe_rgb_told_by_exif_only(tmp_path):
    expected = by_littlecms(INSIDE, adobe_rgb_profile())
    camera, editor = Image.Exif(), Image.Exif()
    camera[ExifTags.IFD.Exif] = {0xA001: 0xFFFF, 0xA005: {1: "R03"}}
    editor[ExifTags.IFD.Exif] = {0xA001: 2}
    for name, exif in (("camera", camera), ("editor", editor)):
        path = tmp_path / f"{name}.webp"
        Image.fromarray(INSIDE).save(path, lossless=True, exif=exif)
        np.testing.assert_allclose(read(path), expected, atol=1.6 / 255)
    plain = Image.Exif()
    plain[ExifTags.IFD.Exif] = {0xA001: 1, 0xA005: {1: "R98"}}
    Image.fromarray(INSIDE).save(tmp_path / "srgb.webp", lossless=True, exif=plain)
    np.testing.assert_array_equal(read(tmp_path / "srgb.webp"), INSIDE / np.float32(255))


def test_a_deep_picture_with_a_profile_keeps_its_levels(tmp_path):
    samples = (20000 + smooth() * 30000).round().astype(np.uint16)
    packed = b"p\0\0" + zlib.compress(adobe_rgb_profile())
    deep = read(written(tmp_path / "a.png", (b"iCCP", packed), samples=samples))
    eight = by_littlecms((samples / 257).round().astype(np.uint8), adobe_rgb_profile())
    bright = eight > 0.1  # below, a level of 8 bits is a step of many
    np.testing.assert_allclose(deep[bright], eight[bright], atol=3 / 255)
    assert len(np.unique(deep)) > 1000


def p3_in_srgb() -> tuple[pyvips.Image, np.ndarray]:
    """The samples as an image, and what they are in sRGB when they are taken for Display P3."""
    image = pyvips.Image.new_from_array(INSIDE).copy(interpretation="srgb")
    return image, image.icc_transform("srgb", input_profile="p3", intent="relative").numpy() / 255


def test_code_points_of_png(tmp_path):
    path = written(tmp_path / "p3.png", (b"cICP", bytes([12, 13, 0, 1])))
    np.testing.assert_allclose(read(path), p3_in_srgb()[1], atol=1.6 / 255)


@pytest.mark.skipif(not features.check("avif"), reason="Pillow before 11.3")
def test_code_points_of_avif(tmp_path):
    image, expected = p3_in_srgb()
    image.heifsave(str(tmp_path / "srgb.avif"), compression="av1", lossless=True, effort=0)
    data = (tmp_path / "srgb.avif").read_bytes()
    (tmp_path / "p3.avif").write_bytes(isobmff_colour(data, 12, 13))
    plain = read(tmp_path / "srgb.avif")
    np.testing.assert_allclose(plain, INSIDE / 255, atol=2.1 / 255)
    np.testing.assert_allclose(read(tmp_path / "p3.avif"), expected, atol=4 / 255)
    assert np.abs(plain - expected).max() > 0.05


def test_high_dynamic_range_is_refused(tmp_path):
    for transfer, name in ((16, "PQ"), (18, "HLG")):
        path = written(tmp_path / f"{name}.png", (b"cICP", bytes([9, transfer, 0, 1])))
        assert sentences.said(ImageError, images.read, path) == (
            f"{path} is a picture with high dynamic range ({name}): save it as an ordinary PNG or "
            "JPEG picture."
        )


def test_a_very_large_profile(tmp_path):
    """Of some megabytes, which Pillow refuses in PNG files."""
    profile = adobe_rgb_profile()
    noise = np.random.default_rng(1).integers(0, 256, 3 << 20, dtype=np.uint8).tobytes()
    large = struct.pack(">I", len(profile) + len(noise)) + profile[4:] + noise
    for body, name in ((profile, "small"), (large, "large")):
        written(tmp_path / f"{name}.png", (b"iCCP", b"p\0\0" + zlib.compress(body)))
    Image.fromarray(INSIDE).save(tmp_path / "large.tif", icc_profile=large)
    for name in ("large.png", "large.tif"):
        np.testing.assert_array_equal(read(tmp_path / name), read(tmp_path / "small.png"))


@pytest.mark.parametrize("place", ["before", "after"])
def test_long_texts_of_a_png_are_passed_over(tmp_path, place):
    long = zlib.compress(bytes(20 << 20))
    texts = [
        (b"zTXt", b"workflow\0\0" + long),
        (b"iTXt", b"prompt\0\1\0\0\0" + long),
        (b"tEXt", b"plain\0" + b"x" * (3 << 20)),
        *[(b"tEXt", b"many\0" + b"x" * (1 << 20))] * 80,
    ]
    short = (b"tEXt", b"Author\0Anna")
    path = tmp_path / "a.png"
    if place == "before":
        written(path, short, *texts)
    else:
        whole = png(INSIDE, 8, 2, chunks=(short,))
        end = png_chunk(b"IEND", b"")
        chunks = b"".join(png_chunk(*text) for text in texts)
        path.write_bytes(whole.removesuffix(end) + chunks + end)
    np.testing.assert_array_equal(read(path), INSIDE / np.float32(255))
    assert images.read(path).info.tags[ExifTags.Base.Artist] == b"Anna"
    assert images.read_metadata(path) == {}


def test_lab_is_converted_without_a_warning(tmp_path):
    """Warnings are errors in tests."""
    lab = ImageCms.profileToProfile(
        Image.fromarray(INSIDE), ImageCms.createProfile("sRGB"),
        ImageCms.createProfile("LAB"), outputMode="LAB",
    )  # fmt: skip
    lab.save(tmp_path / "a.tif")
    # L*a*b* has few levels for dark colours in 8 bits.
    np.testing.assert_allclose(read(tmp_path / "a.tif"), INSIDE / 255, atol=0.07)
