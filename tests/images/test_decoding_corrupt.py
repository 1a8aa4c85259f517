"""Reading a file with any content returns a picture or raises ImageError, nothing else."""

from __future__ import annotations

import contextlib
import io
import warnings
from pathlib import Path

import numpy as np
import pytest
import tifffile
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import ExifTags, Image

from helpers.picture_files import CHANNELS, png, smooth
from impasto import images
from impasto.errors import ImageError
from impasto.images.icc import srgb_profile


def valid_files() -> dict[str, bytes]:
    """Small files of many formats, with profiles and metadata that can break a reader."""
    exif = Image.Exif()
    exif[ExifTags.Base.Orientation] = 6
    extras = {"icc_profile": srgb_profile(), "exif": exif.tobytes()}
    grey = Image.radial_gradient("L").resize((24, 20))
    alpha = Image.merge("RGBA", (grey, grey.rotate(90), grey.rotate(180), grey))
    colour, deep = alpha.convert("RGB"), grey.convert("I;16")
    kinds = [
        *[(colour, kind, extras) for kind in ("PNG", "JPEG", "WEBP", "TIFF", "AVIF", "JPEG2000")],
        *[(colour, kind, {}) for kind in ("BMP", "GIF", "PPM", "TGA", "PCX", "SGI", "QOI", "DDS")],
        *[(colour, "TIFF", {"compression": c}) for c in ("tiff_lzw", "jpeg", "tiff_deflate")],
        *[(alpha, kind, extras) for kind in ("PNG", "WEBP", "TIFF", "ICO", "ICNS")],
        *[(deep, kind, {}) for kind in ("PNG", "TIFF")],
        (colour.convert("P"), "PNG", {"transparency": bytes(range(200))}),
        (colour.convert("CMYK"), "JPEG", {"exif": exif.tobytes()}),
        (deep, "PNG", extras),
    ]
    Image.init()
    files = {}
    for number, (image, kind, options) in enumerate(kinds):
        if kind in Image.SAVE:  # AVIF and QOI are not in every Pillow
            stream = io.BytesIO()
            image.save(stream, kind, **options)
            files[f"{number} {image.mode} {kind}"] = stream.getvalue()
    return files | deep_files()


def deep_files() -> dict[str, bytes]:
    """Files of 16 bits and floats, with planes, tiles, predictors and alpha."""
    files = {}
    for bits, colour_type in ((16, 2), (16, 4), (16, 6), (2, 0)):
        samples = (smooth(channels=CHANNELS[colour_type]) * ((1 << bits) - 1)).astype(np.int64)
        chunks = () if colour_type in (4, 6) else ((b"tRNS", bytes(6)), (b"gAMA", bytes(4)))
        files[f"png {bits} {colour_type}"] = png(samples, bits, colour_type, chunks=chunks)
    unit = smooth(channels=4)
    for kind in (np.uint8, np.uint16, np.float32):
        white = 1 if kind is np.float32 else np.iinfo(kind).max
        for planes, tile, order in (("separate", None, "<"), ("contig", (16, 16), ">")):
            stream = io.BytesIO()
            stored = (unit * white).astype(kind)
            tifffile.imwrite(
                stream, stored if planes == "contig" else stored.transpose(2, 0, 1),
                photometric="rgb", planarconfig=planes, tile=tile, byteorder=order,
                compression="zlib", predictor=kind is not np.float32,
                extrasamples=["assocalpha"], bigtiff=order == "<", metadata=None,
            )  # fmt: skip
            files[f"tiff {kind.__name__} {planes}"] = stream.getvalue()
    return files


VALID = valid_files()


def read_or_refuse(path: Path) -> None:
    """Read a picture and its metadata: values in range, or an ImageError."""
    with warnings.catch_warnings(), contextlib.suppress(ImageError):
        warnings.simplefilter("ignore")
        images.read_metadata(path)
        picture = images.read(path, long_side=8, max_pixels=100_000)
        assert max(picture.size) <= 8
        assert 0 <= picture.tensor.min() <= picture.tensor.max() <= 1


@pytest.mark.parametrize("name", VALID)
def test_the_files_are_readable_before_corruption(tmp_path, name):
    (tmp_path / "whole").write_bytes(VALID[name])
    images.read(tmp_path / "whole")


@settings(max_examples=600, deadline=None)
@given(
    st.sampled_from(sorted(VALID)),
    # Corrupt headers do most harm, so half of the positions are near the beginning.
    st.lists(
        st.tuples(st.integers(0, 120) | st.integers(0, 4000), st.integers(0, 255)), max_size=6
    ),
    st.floats(0.1, 1),
)
def test_no_corruption_raises_anything_but_image_error(tmp_path_factory, name, flips, kept):
    data = bytearray(VALID[name])
    for place, value in flips:
        data[place % len(data)] = value
    path = tmp_path_factory.getbasetemp() / "corrupt"
    path.write_bytes(data[: max(1, round(kept * len(data)))])
    read_or_refuse(path)


@settings(max_examples=50, deadline=None)
@given(st.binary(min_size=1, max_size=60), st.sampled_from(sorted(VALID)), st.integers(0, 20))
def test_no_bytes_raise_anything_but_image_error(tmp_path_factory, noise, name, start):
    path = tmp_path_factory.getbasetemp() / "noise"
    path.write_bytes(VALID[name][:start] + noise)
    read_or_refuse(path)
