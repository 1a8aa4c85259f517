"""What a photograph's file says beside its pixels: read, kept or stripped, and never more."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import ExifTags, Image, PngImagePlugin

from impasto import images
from impasto.errors import OptionError
from impasto.images.source_info import SourceInfo, read_source_info

NAME = "© Anna Müller 2026"
TAKEN = "2026:05:01 10:00:00"
GPS = {1: "N", 2: (52.0, 3.0, 1.5), 3: "E", 4: (4.0, 21.0, 0.0)}
METADATA = {"request": "{}", "impasto": "0"}
SMOOTH = torch.linspace(0, 1, 24).expand(1, 3, 20, 24)

FULL = (".jpg", ".png", ".webp", ".tif")
"""Formats that hold EXIF."""


@pytest.fixture
def photo(tmp_path: Path) -> Path:
    """With a caption, an author, a camera, a place, a maker's note, a thumbnail and 240 dpi."""
    exif = Image.Exif()
    exif[ExifTags.Base.Orientation] = 6
    exif[ExifTags.Base.ImageDescription] = "The Rotte at dawn"
    exif[ExifTags.Base.Copyright] = NAME.encode()
    exif[ExifTags.Base.Make] = "Canon"
    exif[ExifTags.IFD.Exif] = {
        ExifTags.Base.DateTimeOriginal: TAKEN,
        ExifTags.Base.ExposureTime: 0.004,
        ExifTags.Base.MakerNote: b"serial number 123456",
        ExifTags.Base.ExifImageWidth: 6000,
        ExifTags.Base.ColorSpace: 0xFFFF,
    }
    exif[ExifTags.IFD.GPSInfo] = GPS
    image = Image.new("RGB", (24, 16), "teal")
    image.save(tmp_path / "photo.jpg", exif=exif, dpi=(240, 240))
    return tmp_path / "photo.jpg"


def saved(folder: Path, ending: str, info: SourceInfo, **options: Any) -> Path:
    path = folder / f"out{ending}"
    return images.write(path, SMOOTH, metadata=METADATA, source=info, **options)


def exif_of(path: Path) -> tuple[dict[int, Any], dict[int, Any], dict[int, Any]]:
    with Image.open(path) as image:
        exif = image.getexif()
        return dict(exif), exif.get_ifd(ExifTags.IFD.Exif), exif.get_ifd(ExifTags.IFD.GPSInfo)


@pytest.mark.parametrize("depth", [8, 16])
@pytest.mark.parametrize("ending", FULL)
def test_kept(tmp_path, photo, ending, depth):
    if depth == 16 and ending not in (".png", ".tif"):
        return
    info = images.read(photo).info
    path = saved(tmp_path, ending, info, source_metadata="keep", depth=depth)
    first, camera, location = exif_of(path)
    assert first[ExifTags.Base.Copyright].encode("latin-1").decode() == NAME
    assert first[ExifTags.Base.ImageDescription] == "The Rotte at dawn"
    assert first[ExifTags.Base.Make] == "Canon"
    assert first.get(ExifTags.Base.Orientation, 1) == 1
    assert camera[ExifTags.Base.DateTimeOriginal] == TAKEN
    assert float(camera[ExifTags.Base.ExposureTime]) == pytest.approx(0.004)
    assert camera[ExifTags.Base.ColorSpace] == 1
    assert ExifTags.Base.ExifImageWidth not in camera
    assert location == {}
    assert images.read_metadata(path) == METADATA
    data = path.read_bytes()
    assert b"123456" not in data
    picture = images.read(path)
    assert picture.info.dpi == pytest.approx((240, 240), abs=0.01)
    assert picture.size == (20, 24)
    again = saved(tmp_path, f"-again{ending}", picture.info, source_metadata="keep")
    assert exif_of(again)[0][ExifTags.Base.Copyright] == first[ExifTags.Base.Copyright]
    assert images.read_metadata(again) == METADATA


@pytest.mark.parametrize("ending", FULL)
def test_the_place_is_kept_only_if_it_is_asked_for(tmp_path, photo, ending):
    info = images.read(photo).info
    for keep, expected in (("keep", {}), ("keep-location", GPS)):
        _, _, location = exif_of(saved(tmp_path, ending, info, source_metadata=keep))
        assert location == expected


@pytest.mark.parametrize("ending", images.FORMATS)
def test_stripped_is_the_same_to_the_byte(tmp_path, photo, ending):
    info = images.read(photo).info
    with_info = saved(tmp_path, ending, info).read_bytes()
    assert (
        with_info == images.write(tmp_path / f"b{ending}", SMOOTH, metadata=METADATA).read_bytes()
    )
    for secret in (b"Anna", b"Canon", b"Rotte", b"2026:05"):
        assert secret not in with_info


@pytest.mark.parametrize("ending", [".bmp", ".gif"])
def test_formats_without_metadata_are_written_all_the_same(tmp_path, photo, ending):
    path = saved(tmp_path, ending, images.read(photo).info, source_metadata="keep-location")
    assert images.read(path).size == (20, 24)


def test_a_photograph_without_metadata(tmp_path):
    for ending in FULL:
        path = saved(tmp_path, ending, SourceInfo(), source_metadata="keep")
        assert images.read_metadata(path) == METADATA


def test_other_choices_are_refused(tmp_path):
    with pytest.raises(OptionError, match="Unknown metadata 'all': choose one of strip, keep"):
        saved(tmp_path, ".png", SourceInfo(), source_metadata="all")


def test_authors_in_xmp_iptc_and_png_texts(tmp_path):
    xmp = (
        "<x:xmpmeta><rdf:Description><dc:creator><rdf:Seq><rdf:li>Anna</rdf:li><rdf:li>Bea"
        "</rdf:li></rdf:Seq></dc:creator><dc:rights><rdf:Alt><rdf:li xml:lang='x-default'>© A "
        "&amp; B</rdf:li></rdf:Alt></dc:rights></rdf:Description></x:xmpmeta>"
    ).encode()
    image = Image.new("RGB", (4, 4))
    image.save(tmp_path / "xmp.jpg", xmp=xmp)
    image.save(tmp_path / "xmp.webp", xmp=xmp)
    texts = PngImagePlugin.PngInfo()
    texts.add_text("Author", "Anna; Bea")
    texts.add_itxt("Copyright", "© A & B")
    image.save(tmp_path / "texts.png", pnginfo=texts)
    for name in ("xmp.jpg", "xmp.webp", "texts.png"):
        tags = images.read(tmp_path / name).info.tags
        assert tags[ExifTags.Base.Artist] == b"Anna; Bea"
        assert tags[ExifTags.Base.Copyright].decode() == "© A & B"


def test_long_exif_leaves_room_for_the_request(tmp_path):
    """JPEG has 64 kB: who made it stays."""
    tags = dict.fromkeys((40091, 40092, 40093, 40094, 40095), b"x" * 3999)
    camera = {37510: b"x" * 3999, **{0xA430 + i: "y" * 3999 for i in range(6)}}
    info = SourceInfo({**tags, ExifTags.Base.Copyright: NAME.encode()}, camera)
    request = {"request": "x" * 30_000}
    path = tmp_path / "a.jpg"
    images.write(path, SMOOTH, metadata=request, source=info, source_metadata="keep")
    assert images.read_metadata(path) == request
    assert exif_of(path)[0][ExifTags.Base.Copyright].encode("latin-1").decode() == NAME


# --- frames ---------------------------------------------------------------------------------------


@pytest.mark.parametrize("format_", ["GIF", "WEBP", "PNG"])
def test_frames_of_animations_are_counted(tmp_path, format_):
    frames = [Image.new("RGB", (5, 4), (40 * i, 255, 0)) for i in range(5)]
    frames[0].save(tmp_path / "a", format_, save_all=True, append_images=frames[1:], lossless=True)
    picture = images.read(tmp_path / "a")
    assert (picture.info.frames, picture.info.is_animation) == (5, True)
    assert picture.tensor[0, :, 0, 0].tolist() == [0, 1, 0]
    frames[0].save(tmp_path / "b", format_)
    picture = images.read(tmp_path / "b")
    assert (picture.info.frames, picture.info.is_animation) == (1, False)


def test_an_image_in_memory_keeps_its_pixels():
    """Counting frames would read the file again."""
    image = Image.new("RGB", (5, 4), "red")
    assert read_source_info(image) == SourceInfo()
    assert images.read(image).info.frames == 1


# --- hostile metadata -----------------------------------------------------------------------------


@settings(max_examples=60, deadline=None)
@given(st.binary(max_size=300), st.sampled_from(["exif", "xmp", "icc_profile"]))
@pytest.mark.filterwarnings("ignore")
def test_any_bytes_of_metadata_are_read_and_kept_without_an_error(tmp_path_factory, noise, name):
    folder = tmp_path_factory.getbasetemp()
    data = b"Exif\0\0II*\0\x08\0\0\0" + noise if name == "exif" else noise
    try:
        Image.new("RGB", (3, 3)).save(folder / "hostile.jpg", **{name: data})
    except Exception:  # Pillow refuses to write it
        return
    info = images.read(folder / "hostile.jpg").info
    for ending in FULL:
        path = saved(folder, ending, info, source_metadata="keep-location")
        assert images.read_metadata(path) == METADATA


@settings(max_examples=200, deadline=None)
@given(st.data())
@pytest.mark.filterwarnings("ignore")
def test_broken_exif_is_read_and_kept_without_an_error(tmp_path_factory, data):
    folder = tmp_path_factory.getbasetemp()
    exif = Image.Exif()
    exif[ExifTags.Base.Copyright] = NAME.encode()
    exif[ExifTags.Base.XResolution] = 300.0
    exif[ExifTags.IFD.Exif] = {ExifTags.Base.ExposureTime: 0.1, 0xA005: {1: "R98"}}
    exif[ExifTags.IFD.GPSInfo] = GPS
    body = bytearray(exif.tobytes())
    for place, value in data.draw(
        st.lists(st.tuples(st.integers(6, len(body) - 1), st.integers(0, 255)), max_size=8)
    ):
        body[place] = value
    Image.new("RGB", (3, 3)).save(folder / "broken.webp", exif=bytes(body))
    info = images.read(folder / "broken.webp").info
    for ending in FULL:
        path = saved(folder, ending, info, source_metadata="keep-location")
        assert images.read_metadata(path) == METADATA


@pytest.mark.parametrize("ending", FULL)
def test_values_of_a_wrong_type_are_left_out(tmp_path, ending):
    camera = {ExifTags.Base.ISOSpeedRatings: -1e30, ExifTags.Base.DateTimeOriginal: TAKEN}
    info = SourceInfo({ExifTags.Base.Copyright: 0.5, ExifTags.Base.Make: "Canon"}, camera)
    first, kept, _ = exif_of(saved(tmp_path, ending, info, source_metadata="keep"))
    assert first[ExifTags.Base.Make] == "Canon"
    assert ExifTags.Base.Copyright not in first
    assert kept[ExifTags.Base.DateTimeOriginal] == TAKEN
