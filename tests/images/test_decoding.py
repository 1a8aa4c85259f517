"""Any file that Pillow opens becomes an upright sRGB picture with alpha, or one clear error."""

from __future__ import annotations

import io
import math
import struct
import zlib
from functools import partial
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import ExifTags, Image, ImageCms
from torch import Tensor

from helpers import sentences
from impasto import images
from impasto.errors import ImageError
from impasto.images.icc import srgb_profile


def texture(height: int = 20, width: int = 24, channels: int = 3) -> np.ndarray:
    """Bytes (H, W, C), smooth so that JPEG keeps them, and different in every corner."""
    down, right = np.mgrid[0 : 1 : height * 1j, 0 : 1 : width * 1j]
    waves = [down, right, (1 + np.sin(5 * down + 3 * right)) / 2, (1 + down * right) / 2]
    return (np.stack(waves[:channels], axis=-1) * 255).round().astype(np.uint8)


def as_array(image: Tensor) -> np.ndarray:
    """(1, C, H, W) as (H, W, C)."""
    return image[0].permute(1, 2, 0).numpy()


def pixel(picture: images.Picture, row: int = 0, column: int = 0) -> list[int]:
    return [round(255 * v) for v in picture.tensor[0, :, row, column].tolist()]


sentence = partial(sentences.said, ImageError)


# --- modes ---------------------------------------------------------------------------------------


@pytest.mark.parametrize("format_", ["PNG", "TIFF", "BMP", "WEBP", "PPM", "TGA", "SGI", "PCX"])
def test_reads_colour_exactly(tmp_path, format_):
    path = tmp_path / "picture"
    Image.fromarray(texture()).save(path, format_, lossless=True)
    picture = images.read(str(path))
    assert picture.path == path
    assert picture.size == (20, 24)
    assert picture.alpha is None
    assert picture.tensor.shape == (1, 3, 20, 24)
    assert picture.tensor.dtype == torch.float32
    assert picture.tensor.is_contiguous()
    np.testing.assert_array_equal(as_array(picture.tensor), texture() / np.float32(255))


def test_reads_jpeg(tmp_path):
    path = tmp_path / "picture.jpg"
    Image.fromarray(texture()).save(path, quality=95)
    np.testing.assert_allclose(as_array(images.read(path).tensor), texture() / 255, atol=0.08)


@pytest.mark.parametrize(
    ("mode", "value", "expected"),
    [
        ("1", 1, [255, 255, 255]),
        ("L", 100, [100, 100, 100]),
        ("LA", (100, 255), [100, 100, 100]),
        ("La", (100, 255), [100, 100, 100]),
        ("RGBA", (1, 2, 3, 255), [1, 2, 3]),
        ("RGBa", (1, 2, 3, 255), [1, 2, 3]),
        ("RGBX", (1, 2, 3, 0), [1, 2, 3]),
        ("CMYK", (255, 0, 0, 0), [0, 255, 255]),
        ("YCbCr", (255, 128, 128), [255, 255, 255]),
        ("HSV", (0, 255, 255), [255, 0, 0]),
        ("LAB", (255, 128, 128), [255, 255, 255]),
        ("I", 0x8080, [128, 128, 128]),
        ("I;16", 0x8080, [128, 128, 128]),
        ("I;16B", 0x8080, [128, 128, 128]),
        ("F", 0.2, [51, 51, 51]),
    ],
)
def test_reads_every_mode(mode, value, expected):
    picture = images.read(Image.new(mode, (3, 2), value))
    assert picture.size == (2, 3)
    assert picture.path is None
    assert picture.alpha is None
    np.testing.assert_allclose(pixel(picture, 1, 2), expected, atol=1)


@pytest.mark.parametrize("format_", ["PNG", "TIFF", "PPM"])
def test_keeps_all_16_bits_of_grey(tmp_path, format_):
    path = tmp_path / "deep"
    values = np.arange(0, 65536, 13, dtype=np.uint16).reshape(2, -1)
    Image.fromarray(values).save(path, format_)
    tensor = images.read(path).tensor
    np.testing.assert_allclose(tensor[0, 0].numpy(), values / 65535, atol=1e-6)
    assert tensor.unique().numel() == values.size


def test_marks_the_transparent_value_of_16_bit_grey(tmp_path):
    path = tmp_path / "deep.png"
    Image.fromarray(np.array([[5, 60000]], dtype=np.uint16)).save(path, transparency=60000)
    assert images.read(path).alpha.tolist() == [[[[1, 0]]]]


@pytest.mark.parametrize(
    ("mode", "values", "expected"),
    [
        (np.float32, [0.0, 0.5, 1.0, -1.0], [0, 0.5, 1, 0]),
        (np.float32, [0.0, 2.0, 4.0, math.nan], [0, 0.5, 1, 0]),
        (np.float32, [0.25, math.inf, -math.inf, 0], [0.25, 1, 0, 0]),
        (np.int32, [0, 13107, 65535, -7], [0, 0.2, 1, 0]),
        (np.int32, [0, 2**29, 2**30, 2**31 - 1], [0, 0.25, 0.5, 1]),
    ],
)
def test_fits_deep_grey_without_clipping_white(tmp_path, mode, values, expected):
    path = tmp_path / "deep.tif"
    Image.fromarray(np.array([values], dtype=mode)).save(path)
    np.testing.assert_allclose(images.read(path).tensor[0, 1, 0], expected, atol=1e-6)


def test_reads_a_palette_with_transparency(tmp_path):
    image = Image.fromarray(np.array([[0, 1, 2]], dtype=np.uint8), "P")
    image.putpalette([255, 0, 0, 0, 255, 0, 0, 0, 255])
    image.save(tmp_path / "opaque.png")
    image.save(tmp_path / "alpha.png", transparency=bytes([255, 51, 0]))
    image.save(tmp_path / "alpha.gif", transparency=2)
    for name in ("opaque.png", "alpha.png", "alpha.gif"):
        picture = images.read(tmp_path / name)
        assert [pixel(picture, 0, i).index(255) for i in range(3)] == [0, 1, 2]
    assert images.read(tmp_path / "opaque.png").alpha is None
    torch.testing.assert_close(
        images.read(tmp_path / "alpha.png").alpha[0, 0, 0], torch.tensor([1, 0.2, 0])
    )
    assert images.read(tmp_path / "alpha.gif").alpha.flatten().tolist() == [1, 1, 0]


@pytest.mark.parametrize("format_", ["PNG", "TIFF", "WEBP"])
def test_keeps_alpha_separate_and_colours_not_premultiplied(tmp_path, format_):
    path = tmp_path / "alpha"
    Image.fromarray(texture(channels=4)).save(path, format_, lossless=True, exact=True)
    picture = images.read(path)
    both = torch.cat([picture.tensor, picture.alpha], dim=1)
    np.testing.assert_array_equal(as_array(both), texture(channels=4) / np.float32(255))


def test_takes_the_first_frame(tmp_path):
    frames = [Image.new("RGB", (5, 4), colour) for colour in ("red", "blue")]
    frames[0].save(tmp_path / "animation.gif", save_all=True, append_images=frames[1:])
    assert pixel(images.read(tmp_path / "animation.gif")) == [255, 0, 0]


@pytest.mark.parametrize("format_", ["JPEG", "TIFF"])
def test_reads_cmyk_of_either_polarity(tmp_path, format_):
    path = tmp_path / "print"
    Image.new("CMYK", (8, 8), (0, 255, 255, 0)).save(path, format_)
    stored = Image.open(io.BytesIO(path.read_bytes()))
    assert stored.mode == "CMYK"
    np.testing.assert_allclose(pixel(images.read(path)), [255, 0, 0], atol=3)


# --- orientation ---------------------------------------------------------------------------------

UPRIGHT = {
    1: lambda stored: stored,
    2: np.fliplr,
    3: lambda stored: np.rot90(stored, 2),
    4: np.flipud,
    5: np.transpose,
    6: lambda stored: np.rot90(stored, -1),
    7: lambda stored: np.rot90(stored, 2).T,
    8: np.rot90,
}


@pytest.mark.parametrize("orientation", UPRIGHT)
@pytest.mark.parametrize(
    ("format_", "dtype"),
    [("PNG", np.uint8), ("PNG", np.uint16), ("TIFF", np.uint16), ("WEBP", np.uint8)],
)
def test_applies_exif_orientation(tmp_path, orientation, format_, dtype):
    stored = np.arange(6, dtype=dtype).reshape(2, 3) * np.iinfo(dtype).max // 5
    exif = Image.Exif()
    exif[ExifTags.Base.Orientation] = orientation
    path = tmp_path / "oriented"
    Image.fromarray(stored.astype(dtype)).save(path, format_, exif=exif, lossless=True)
    grey = images.read(path).tensor[0, 0].numpy()
    np.testing.assert_allclose(grey, UPRIGHT[orientation](stored / np.iinfo(dtype).max), atol=1e-3)


def test_applies_exif_orientation_to_alpha():
    image = Image.fromarray(texture(4, 6, 4))
    image.getexif()[ExifTags.Base.Orientation] = 6
    picture = images.from_pil(image)
    assert picture.size == picture.alpha.shape[-2:] == (6, 4)


@pytest.mark.filterwarnings("ignore:Corrupt EXIF")
def test_survives_broken_exif():
    image = Image.fromarray(texture(4, 6))
    image.info["exif"] = b"Exif\0\0MM\0*\xff\xff\xff\xff"
    assert images.from_pil(image).size == (4, 6)


# --- profiles ------------------------------------------------------------------------------------


def icc_profile(space: bytes, connection: bytes, tags: dict[bytes, bytes]) -> bytes:
    """A version 2 ICC profile with as few tags as possible."""
    offset, table, body = 132 + 12 * len(tags), b"", b""
    for name, data in tags.items():
        table += name + struct.pack(">2I", offset + len(body), len(data))
        body += data + bytes(-len(data) % 4)
    white = struct.pack(">3I", 0xF6D6, 0x10000, 0xD32D)
    kind = b"prtr" if space == b"CMYK" else b"mntr"
    header = struct.pack(">3I", offset + len(body), 0, 0x02100000) + kind + space + connection
    header = (header.ljust(36, b"\0") + b"acsp").ljust(68, b"\0") + white
    return header.ljust(128, b"\0") + struct.pack(">I", len(tags)) + table + body


LINEAR_GREY = icc_profile(b"GRAY", b"XYZ ", {b"kTRC": b"curv" + bytes(8)})

SWAPPED = (
    srgb_profile().replace(b"rXYZ", b"temp").replace(b"gXYZ", b"rXYZ").replace(b"temp", b"gXYZ")
)


def black_plate_only() -> bytes:
    """A CMYK profile in which C, M and Y are invisible and K is black."""
    straight = bytes(range(256))
    corners = b"".join(bytes([0 if k else 255, 128, 128]) for _ in range(8) for k in range(2))
    matrix = struct.pack(">9I", *[0x10000 if i % 4 == 0 else 0 for i in range(9)])
    table = b"mft1" + bytes(4) + bytes([4, 3, 2, 0]) + matrix + straight * 4 + corners
    return icc_profile(b"CMYK", b"Lab ", {b"A2B0": table + straight * 3})


def test_converts_rgb_by_its_profile(tmp_path):
    path = tmp_path / "swapped.png"
    Image.new("RGB", (2, 2), (200, 0, 0)).save(path, icc_profile=SWAPPED)
    np.testing.assert_allclose(pixel(images.read(path)), [0, 200, 0], atol=2)


def test_converts_rgb_with_alpha_and_palette_by_the_profile(tmp_path):
    image = Image.new("RGBA", (2, 2), (200, 0, 0, 128))
    image.save(tmp_path / "alpha.png", icc_profile=SWAPPED)
    image.convert("RGB").convert("P").save(tmp_path / "palette.png", icc_profile=SWAPPED)
    for name in ("alpha.png", "palette.png"):
        np.testing.assert_allclose(pixel(images.read(tmp_path / name)), [0, 200, 0], atol=5)
    assert images.read(tmp_path / "alpha.png").alpha[0, 0, 0, 0] == 128 / 255


def test_an_srgb_profile_changes_nothing():
    image = Image.fromarray(texture())
    profile = ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")).tobytes()
    image.info["icc_profile"] = profile
    torch.testing.assert_close(
        images.from_pil(image).tensor, images.from_pil(Image.fromarray(texture())).tensor
    )


@pytest.mark.parametrize("dtype", [np.uint8, np.uint16])
def test_converts_grey_by_its_profile(tmp_path, dtype):
    path = tmp_path / "grey.png"
    ramp = np.linspace(0, np.iinfo(dtype).max, 4096).round().astype(dtype)
    Image.fromarray(ramp[None]).save(path, icc_profile=LINEAR_GREY)
    tensor = images.read(path).tensor[0, :, 0].numpy()
    linear = ramp / np.iinfo(dtype).max
    srgb = np.where(linear > 0.0031308, 1.055 * linear ** (1 / 2.4) - 0.055, 12.92 * linear)
    bright = linear > 0.02  # below, 256 steps of a linear ramp are too far apart to compare
    np.testing.assert_allclose(tensor[:, bright], np.stack([srgb[bright]] * 3), atol=0.01)
    if dtype == np.uint16:
        assert np.unique(tensor[0]).size > 2000


def test_converts_grey_by_an_rgb_profile(tmp_path):
    path = tmp_path / "grey.png"
    Image.fromarray(texture(channels=1)[..., 0]).save(path, icc_profile=srgb_profile())
    np.testing.assert_allclose(
        as_array(images.read(path).tensor)[..., :1], texture(channels=1) / 255, atol=1 / 255
    )


@pytest.mark.parametrize("format_", ["JPEG", "TIFF"])
def test_converts_cmyk_by_its_profile(tmp_path, format_):
    path = tmp_path / "print"
    for ink, expected in [((255, 0, 0, 0), 255), ((0, 0, 0, 255), 0)]:
        Image.new("CMYK", (8, 8), ink).save(path, format_, icc_profile=black_plate_only())
        np.testing.assert_allclose(pixel(images.read(path)), [expected] * 3, atol=3)


@pytest.mark.parametrize(
    ("mode", "profile"), [("RGB", b"broken"), ("RGB", LINEAR_GREY), ("L", SWAPPED[:200])]
)
def test_ignores_a_broken_profile_with_a_warning(tmp_path, mode, profile):
    path = tmp_path / "odd.png"
    Image.new(mode, (2, 2), "white").save(path, icc_profile=profile)
    with pytest.warns(
        UserWarning, match=r"profile in .*odd\.png cannot be used and was ignored \(.+\)"
    ):
        assert pixel(images.read(path)) == [255, 255, 255]


# --- errors --------------------------------------------------------------------------------------


@pytest.mark.parametrize("call", [images.read, images.read_metadata])
def test_errors_name_the_problem_of_an_input_file(tmp_path, call, monkeypatch):
    path = tmp_path / "cat.png"
    assert sentence(call, path) == f"There is no file {path}: check its name and folder."
    path.write_bytes(b"")
    assert sentence(call, path) == f"{path} is empty (0 bytes): get the file again."
    path.write_bytes(b"\x07\x00\xfe noise")
    assert sentence(call, path).startswith(f"{path} is not a picture in a known format")
    assert sentence(call, tmp_path) == f"{tmp_path} is a folder: name a picture file in it."
    assert sentence(call, path / "below").startswith(f"{path / 'below'} cannot be read (Not a")

    def denied(path, mode):
        raise PermissionError(13, "Permission denied")

    monkeypatch.setattr(Path, "open", denied)
    assert sentence(call, path).startswith(f"{path} cannot be read (Permission denied): change")


@pytest.mark.parametrize("format_", ["PNG", "JPEG", "WEBP", "TIFF", "BMP", "GIF"])
def test_errors_say_that_a_file_is_cut_short(tmp_path, format_):
    path = tmp_path / "cut"
    Image.fromarray(texture(200, 200)).save(path, format_)
    data = path.read_bytes()
    path.write_bytes(data[: len(data) * 3 // 4])
    message = sentence(images.read, path)
    assert message.startswith(f"{path} is damaged or cut short (")
    assert message.endswith("get the file again, or save it again from an image editor.")


def test_errors_say_that_a_pillow_image_is_unusable():
    assert sentence(images.read, Image.new("RGB", (0, 5))) == (
        "The given image has no pixels (0 × 5): give another picture."
    )
    closed = Image.new("RGB", (5, 5))
    closed.close()
    assert sentence(images.read, closed).startswith("The given image is damaged")


def test_refuses_a_header_with_too_many_pixels(tmp_path):
    path = tmp_path / "bomb.png"
    Image.new("RGB", (3, 3)).save(path)
    data = path.read_bytes()
    header = b"IHDR" + struct.pack(">2I", 90_000, 90_000) + data[24:29]
    path.write_bytes(data[:12] + header + struct.pack(">I", zlib.crc32(header)) + data[33:])
    assert sentence(images.read, path) == (
        f"{path} has 90000 × 90000 = 8100000000 pixels and at most 200000000 are read: "
        "if you trust the file, raise the limit with max_pixels 8100000000."
    )


@pytest.mark.parametrize("format_", ["PNG", "JPEG", "TIFF", "BMP", "GIF", "PPM"])
@pytest.mark.parametrize("pillows_limit", [None, 10, 400])
def test_the_limit_is_independent_of_pillows(tmp_path, monkeypatch, format_, pillows_limit):
    monkeypatch.setattr(Image, "MAX_IMAGE_PIXELS", pillows_limit)
    path = tmp_path / "picture"
    exif = Image.Exif()
    exif[ExifTags.Base.Orientation] = 6 if format_ == "TIFF" else 1
    Image.fromarray(texture(20, 30)).save(path, format_, exif=exif)
    assert images.read(path, max_pixels=600).tensor.numel() == 1800
    assert "600 pixels and at most 599 are read" in sentence(images.read, path, max_pixels=599)
    assert pillows_limit == Image.MAX_IMAGE_PIXELS


@pytest.mark.parametrize(
    ("failure", "expected"),
    [
        (MemoryError, "does not fit into memory: make it smaller."),
        # Some of Pillow's readers check its own limit in a way that cannot be bypassed.
        (
            Image.DecompressionBombError,
            "has more pixels than Pillow reads from this format: save it as PNG.",
        ),
        (AssertionError, "is damaged or cut short (AssertionError): get the file again, or save "),
    ],
)
def test_errors_say_why_loading_failed(monkeypatch, failure, expected):
    def load(image):
        raise failure

    monkeypatch.setattr(Image.Image, "load", load)
    message = sentence(images.read, Image.new("RGB", (2, 2)))
    assert message.startswith(f"The given image {expected}")
