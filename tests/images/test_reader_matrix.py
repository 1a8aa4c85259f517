"""Pictures of many kinds, read by Impasto and by libvips, tifffile or from their own samples."""

from __future__ import annotations

import base64
from pathlib import Path
from typing import Any

import numpy as np
import pillow_heif
import pytest
import pyvips
import tifffile
from PIL import Image, features

from helpers import sentences
from helpers.picture_files import CHANNELS, png, smooth
from impasto import images
from impasto.errors import ImageError

LEVEL = 1.01 / 255
EXACT = 2e-5
"""Above one of 65535 levels."""


def by_vips(path: Path) -> tuple[np.ndarray, np.ndarray]:
    """Colours (H, W, 3) and alpha (H, W) of a file in [0, 1], upright, in sRGB."""
    image = pyvips.Image.new_from_file(str(path)).autorot()
    alpha = np.ones((image.height, image.width))
    if image.hasalpha():
        last = image.bands - 1
        stored = image.extract_band(last)
        alpha = stored.numpy().reshape(alpha.shape) / (65535 if stored.format == "ushort" else 255)
        image = image.extract_band(0, n=last)
    white = 65535 if image.interpretation in ("rgb16", "grey16") else 255
    if image.get_typeof("icc-profile-data"):
        image = image.icc_transform("srgb", embedded=True, intent="relative",
                                    black_point_compensation=True, depth=8)  # fmt: skip
        white = 255
    elif white == 255:
        image = image.colourspace("srgb")
    colours = image.numpy().reshape(image.height, image.width, -1) / white
    return np.broadcast_to(colours, (*alpha.shape, 3)), alpha


def by_impasto(path: Path) -> tuple[np.ndarray, np.ndarray]:
    picture = images.read(path)
    colours = picture.tensor[0].permute(1, 2, 0).numpy()
    alpha = np.ones(colours.shape[:2]) if picture.alpha is None else picture.alpha[0, 0].numpy()
    return colours, alpha


def assert_same(path: Path, expected: tuple[np.ndarray, np.ndarray], atol: float) -> None:
    colours, alpha = by_impasto(path)
    np.testing.assert_allclose(alpha, expected[1], atol=atol)
    visible = expected[1] > 0.02  # what is premultiplied has few levels below
    np.testing.assert_allclose(colours[visible], expected[0][visible], atol=atol)


def levels(bits: int, channels: int) -> np.ndarray:
    return (smooth(channels=channels) * ((1 << bits) - 1)).round().astype(np.int64)


# --- PNG ------------------------------------------------------------------------------------------

KINDS = [(0, 1), (0, 2), (0, 4), (0, 8), (0, 16), (2, 8), (2, 16), (3, 1), (3, 2), (3, 4), (3, 8),
         (4, 8), (4, 16), (6, 8), (6, 16)]  # fmt: skip
"""Colour type and bits of all PNG files that there are."""


@pytest.mark.parametrize("interlaced", [False, True])
@pytest.mark.parametrize("transparent", [False, True])
@pytest.mark.parametrize(("colour_type", "bits"), KINDS)
def test_png(tmp_path, colour_type, bits, transparent, interlaced):
    samples = levels(bits, CHANNELS[colour_type])
    chunks: list[tuple[bytes, bytes]] = []
    if colour_type == 3:
        palette = (smooth(1, 1 << bits) * 255).round().astype(np.uint8)
        chunks.append((b"PLTE", palette.tobytes()))
        if transparent:
            chunks.append((b"tRNS", bytes(range(1 << bits))))
    elif transparent and colour_type in (0, 2):
        one = samples[10, 12]
        samples[3:9, 3:9] = one
        chunks.append((b"tRNS", b"".join(int(value).to_bytes(2, "big") for value in one)))
    path = tmp_path / "picture.png"
    path.write_bytes(png(samples, bits, colour_type, chunks=tuple(chunks), interlaced=interlaced))
    assert_same(path, by_vips(path), EXACT if bits == 16 else LEVEL)
    if bits == 16 and colour_type == 2:
        assert len(np.unique(by_impasto(path)[0])) > 256


# --- TIFF -----------------------------------------------------------------------------------------

ALPHAS = {"unassalpha": 4, "assocalpha": 4, "": 3}


@pytest.mark.parametrize("kind", [np.uint8, np.uint16])
@pytest.mark.parametrize("alpha", ALPHAS)
@pytest.mark.parametrize("planes", ["contig", "separate"])
@pytest.mark.parametrize("tile", [None, (16, 32)])
@pytest.mark.parametrize("order", "<>")
@pytest.mark.parametrize("compression", [None, "zlib"])
def test_tiff_rgb(tmp_path, kind, alpha, planes, tile, order, compression):
    white = np.iinfo(kind).max
    samples = (smooth(channels=ALPHAS[alpha]) * white).round().astype(kind)
    if alpha == "assocalpha":
        samples[..., :3] = samples[..., :3] * (samples[..., 3:] / white)
    stored = samples if planes == "contig" else np.ascontiguousarray(samples.transpose(2, 0, 1))
    path = tmp_path / "picture.tif"
    tifffile.imwrite(
        path, stored, photometric="rgb", planarconfig=planes, tile=tile, byteorder=order,
        compression=compression, predictor=bool(compression),
        extrasamples=[alpha] if alpha else None,
    )  # fmt: skip
    unit = samples / white
    opacity = unit[..., 3] if alpha else np.ones(unit.shape[:2])
    colours = unit[..., :3]
    if alpha == "assocalpha":
        colours = colours / np.maximum(opacity, 1e-4)[..., None]
        visible = opacity > 0.5  # below, few levels are left
        read, _ = by_impasto(path)
        np.testing.assert_allclose(read[visible], colours[visible], atol=2.1 / white)
        return
    assert_same(path, (colours, opacity), 1.01 / white)


@pytest.mark.parametrize("kind", [bool, np.uint8, np.uint16, np.float16, np.float32, np.float64])
@pytest.mark.parametrize("white_is", ["minisblack", "miniswhite"])
@pytest.mark.parametrize("tile", [None, (16, 32)])
@pytest.mark.parametrize("order", "<>")
@pytest.mark.parametrize("compression", [None, "zlib"])
def test_tiff_grey(tmp_path, kind, white_is, tile, order, compression):
    unit = smooth()[..., 2]
    if kind is bool:
        samples, white = unit > 0.5, 1
    else:
        white = 1 if np.issubdtype(kind, np.floating) else np.iinfo(kind).max
        samples = (unit * white).astype(kind)
    path = tmp_path / "picture.tif"
    tifffile.imwrite(
        path, samples, photometric=white_is, tile=tile, byteorder=order, compression=compression
    )
    expected = samples.astype(np.float64) / white
    expected = 1 - expected if white_is == "miniswhite" else expected
    colours, _ = by_impasto(path)
    np.testing.assert_allclose(colours, np.stack([expected] * 3, axis=-1), atol=1e-6)


@pytest.mark.parametrize("order", "<>")
def test_tiff_of_other_samples(tmp_path, order):
    unit = smooth(channels=4)
    path = tmp_path / "grey-alpha.tif"
    tifffile.imwrite(
        path, (unit[..., 2:] * 65535).astype(np.uint16), photometric="minisblack",
        planarconfig="contig", extrasamples=["unassalpha"], byteorder=order,
    )  # fmt: skip
    assert_same(path, (np.stack([unit[..., 2]] * 3, axis=-1), unit[..., 3]), EXACT)
    path = tmp_path / "float.tif"
    tifffile.imwrite(path, unit[..., :3].astype(np.float32), photometric="rgb", byteorder=order)
    assert_same(path, (unit[..., :3], np.ones(unit.shape[:2])), 1e-6)


SMOOTH8 = (smooth() * 255).round().astype(np.uint8)


def vips_image(array: np.ndarray = SMOOTH8, interpretation: str = "srgb") -> pyvips.Image:
    return pyvips.Image.new_from_array(array).copy(interpretation=interpretation)


@pytest.mark.parametrize("predictor", ["none", "horizontal"])
@pytest.mark.parametrize("compression", ["none", "lzw", "deflate", "packbits"])
def test_tiff_compressions(tmp_path, compression, predictor):
    path = tmp_path / "picture.tif"
    deep = vips_image().colourspace("rgb16")
    deep.tiffsave(str(path), compression=compression, predictor=predictor)
    assert_same(path, by_vips(path), EXACT)


def test_tiff_floats_with_their_predictor(tmp_path):
    path = tmp_path / "picture.tif"
    stored = vips_image(smooth().astype(np.float32), "scrgb")
    stored.tiffsave(str(path), compression="deflate", predictor="float", tile=True)
    np.testing.assert_allclose(by_impasto(path)[0], smooth(), atol=1e-6)


@pytest.mark.parametrize(("format_", "orientation"), [(np.uint16, o) for o in range(1, 9)])
def test_deep_tiff_is_upright(tmp_path, format_, orientation):
    path = tmp_path / "picture.tif"
    samples = (smooth() * 65535).astype(format_)
    tifffile.imwrite(path, samples, photometric="rgb", extratags=[(274, 3, 1, orientation, True)])
    assert_same(path, by_vips(path), EXACT)


def test_a_pyramid_is_one_picture_and_pages_are_counted(tmp_path):
    large = vips_image().resize(20)
    large.tiffsave(str(tmp_path / "pyramid.tif"), tile=True, pyramid=True)
    assert images.read(tmp_path / "pyramid.tif").info.frames == 1
    pages = np.stack([SMOOTH8, 255 - SMOOTH8, SMOOTH8])
    tifffile.imwrite(tmp_path / "pages.tif", pages, photometric="rgb")
    picture = images.read(tmp_path / "pages.tif")
    assert (picture.info.frames, picture.info.is_animation) == (3, False)
    np.testing.assert_allclose(picture.tensor[0].permute(1, 2, 0), SMOOTH8 / 255, atol=1e-6)


def test_bigtiff(tmp_path):
    for name, options in (("8", {}), ("16", {"compression": "zlib", "predictor": True})):
        kind = np.uint8 if name == "8" else np.uint16
        samples = (smooth() * np.iinfo(kind).max).round().astype(kind)
        path = tmp_path / f"{name}.tif"
        tifffile.imwrite(path, samples, photometric="rgb", bigtiff=True, **options)
        assert_same(path, by_vips(path), EXACT)


def test_tiff_in_cmyk(tmp_path):
    """Without a profile: the light that each ink leaves, times that of black."""
    inks = smooth(channels=4)
    expected = (1 - inks[..., :3]) * (1 - inks[..., 3:])
    for kind in (np.uint8, np.uint16):
        for planes in ("contig", "separate"):
            samples = (inks * np.iinfo(kind).max).round().astype(kind)
            stored = samples if planes == "contig" else samples.transpose(2, 0, 1)
            path = tmp_path / f"{kind.__name__}-{planes}.tif"
            tifffile.imwrite(path, stored, photometric="separated", planarconfig=planes)
            assert_same(path, (expected, np.ones(inks.shape[:2])), 2.1 / 255)


# --- other formats --------------------------------------------------------------------------------


def converted(profile: str, **options: Any) -> pyvips.Image:
    # Colours well inside both spaces, where no reader has to clip.
    inside = vips_image((64 + smooth() * 128).round().astype(np.uint8))
    return inside.icc_transform(profile, input_profile="srgb", **options)


FILES = {
    "base.jpg": (lambda p: vips_image().jpegsave(p, Q=95), LEVEL),
    "progressive.jpg": (lambda p: vips_image().jpegsave(p, Q=95, interlace=True), LEVEL),
    "full-colour.jpg": (lambda p: vips_image().jpegsave(p, Q=95, subsample_mode="off"), LEVEL),
    "grey.jpg": (lambda p: vips_image(SMOOTH8[..., 2], "b-w").jpegsave(p, Q=95), LEVEL),
    "p3.jpg": (lambda p: converted("p3").jpegsave(p, Q=97, subsample_mode="off"), 2.1 / 255),
    "cmyk-profile.jpg": (lambda p: converted("cmyk").jpegsave(p, Q=97), 3.1 / 255),
    "cmyk-profile.tif": (lambda p: converted("cmyk").tiffsave(p), 3.1 / 255),
    "p3.png": (lambda p: converted("p3").pngsave(p), 1.6 / 255),
    "p3-deep.png": (lambda p: converted("p3", depth=16).pngsave(p), 1.6 / 255),
    "p3-deep.tif": (lambda p: converted("p3", depth=16).tiffsave(p), 1.6 / 255),
    "p3.webp": (lambda p: converted("p3").webpsave(p, lossless=True), 1.6 / 255),
    "lossless.webp": (lambda p: vips_image().webpsave(p, lossless=True), LEVEL),
    "lossy.webp": (lambda p: vips_image().webpsave(p, Q=90), LEVEL),
    "8-bit.avif": (lambda p: avif(p, 8), LEVEL),
    # libvips only shifts the bits of these to 16, so its white is 65472 or 65520.
    "10-bit.avif": (lambda p: avif(p, 10), 3.1 / 255),
    "12-bit.avif": (lambda p: avif(p, 12), 3.1 / 255),
    "jpeg.tif": (lambda p: vips_image().resize(8).tiffsave(p, compression="jpeg"), LEVEL),
    "picture.gif": (lambda p: vips_image().gifsave(p), LEVEL),
}


if not features.check("avif"):  # Pillow before 11.3
    FILES = {name: file for name, file in FILES.items() if not name.endswith(".avif")}


def avif(path: str, bits: int) -> None:
    image = vips_image() if bits == 8 else vips_image().colourspace("rgb16")
    image.heifsave(path, compression="av1", bitdepth=bits, Q=95, effort=0, subsample_mode="off")


@pytest.mark.parametrize("name", FILES)
def test_other_formats(tmp_path, name):
    write, tolerance = FILES[name]
    write(str(tmp_path / name))
    assert_same(tmp_path / name, by_vips(tmp_path / name), tolerance)


def test_jpeg_in_cmyk_with_and_without_the_mark_of_adobe(tmp_path):
    """Inks are stored inverted, with and without the mark that says so: all readers take it so."""
    inks = (smooth(channels=4) * 255).round().astype(np.uint8)
    path = tmp_path / "adobe.jpg"
    vips_image(inks, "cmyk").jpegsave(str(path), Q=97, subsample_mode="off")
    data = path.read_bytes()
    mark = data.index(b"\xff\xee")
    length = int.from_bytes(data[mark + 2 : mark + 4], "big")
    assert data[mark + 4 : mark + 9] == b"Adobe"
    (tmp_path / "plain.jpg").write_bytes(data[:mark] + data[mark + 2 + length :])
    for name in ("adobe.jpg", "plain.jpg"):
        read = pyvips.Image.new_from_file(str(tmp_path / name)).numpy() / 255
        expected = (1 - read[..., :3]) * (1 - read[..., 3:])
        assert_same(tmp_path / name, (expected, np.ones(expected.shape[:2])), 2.1 / 255)


def test_deep_ppm(tmp_path):
    samples = levels(16, 3).astype(">u2")
    head = b"P6 %d %d 65535\n" % samples.shape[1::-1]
    (tmp_path / "a.ppm").write_bytes(head + samples.tobytes())
    assert_same(tmp_path / "a.ppm", (smooth(), np.ones(smooth().shape[:2])), LEVEL)


ARITHMETIC = (
    "/9j/4AAQSkZJRgABAQAAAQABAAD/2wBDAAMCAgMCAgMDAwMEAwMEBQgFBQQEBQoHBwYIDAoMDAsKCwsNDhIQDQ4RDgsL"
    "EBYQERMUFRUVDA8XGBYUGBIUFRT/2wBDAQMEBAUEBQkFBQkUDQsNFBQUFBQUFBQUFBQUFBQUFBQUFBQUFBQUFBQUFBQU"
    "FBQUFBQUFBQUFBQUFBQUFBQUFBT/ygARCAAQABADAREAAhEBAxEB/8wABgAQARD/2gAMAwEAAhADEAAAAf8Asgcb/spE"
    "MsooxlJy5ZRK6Gj/zAAEEAX/2gAIAQEAAQUCFjFA+bIJmOpSZq1CP2z/zAAEEQX/2gAIAQMBAT8BOkIVjj1vKnJpo9Oy"
    "5S1KD//MAAQRBf/aAAgBAgEBPwE6nL1+Tii0wj1SbBg8c68r/wAgLzwvgwXBhaGA/8wABBAF/9oACAEBAAY/AgN7YpT/"
    "zAAEEAX/2gAIAQEAAT8hyth0GN6hQP/aAAwDAQACAAMAAAAQSmD/zAAEEQX/2gAIAQMBAT8Qm21cT3FD1P/MAAQRBf/a"
    "AAgBAgEBPxC9VGvbnsWB8Kz/zAAEEAX/2gAIAQEAAT8QFjfc090sORgdYC+9y0D/2Q=="
)
"""16×16 px of ``smooth``, progressive with arithmetic coding, by jpegtran."""


def test_arithmetic_jpeg(tmp_path):
    (tmp_path / "a.jpg").write_bytes(base64.b64decode(ARITHMETIC))
    assert_same(tmp_path / "a.jpg", (smooth(16, 16), np.ones((16, 16))), 0.06)


def test_mpo_is_its_first_picture(tmp_path):
    frames = [Image.fromarray(SMOOTH8), Image.fromarray(255 - SMOOTH8)]
    frames[0].save(tmp_path / "a.mpo", "MPO", save_all=True, append_images=frames[1:], quality=95)
    frames[0].save(tmp_path / "a.jpg", quality=95)
    assert_same(tmp_path / "a.mpo", by_vips(tmp_path / "a.jpg"), LEVEL)
    assert images.read(tmp_path / "a.mpo").info.frames == 1


@pytest.mark.parametrize("bits", [8, 10])
def test_heic(tmp_path, bits):
    kind = np.uint8 if bits == 8 else np.uint16
    samples = (smooth() * np.iinfo(kind).max).round().astype(kind)
    mode = "RGB" if bits == 8 else "RGB;16"
    file = pillow_heif.from_bytes(mode, samples.shape[1::-1], samples.tobytes())
    file.save(tmp_path / "a.heic", quality=-1, chroma=444)
    assert_same(tmp_path / "a.heic", (smooth(), np.ones(smooth().shape[:2])), 3 / 255)


# --- what cannot be read right --------------------------------------------------------------------


def test_refused_with_a_sentence(tmp_path):
    path = tmp_path / "webp.tif"
    vips_image().tiffsave(str(path), compression="webp")
    assert sentences.said(ImageError, images.read, path) == (
        f"{path} is a TIFF file with WebP compression, which is not read: save it with another "
        "one, or as PNG."
    )
    path = tmp_path / "complex.tif"
    tifffile.imwrite(path, smooth()[..., 0].astype(np.complex64))
    assert sentences.said(ImageError, images.read, path) == (
        f"{path} is a TIFF file of a kind that cannot be read, or damaged: save it as PNG from an "
        "image editor."
    )
