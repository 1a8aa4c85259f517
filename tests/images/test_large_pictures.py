"""Large pictures are read in strips, and large JPEGs at a part of their size."""

import tracemalloc

import numpy as np
import pytest
import torch
from PIL import Image

from helpers.random_inputs import smooth_picture
from impasto import images
from impasto.errors import ImageError
from impasto.images import decoding
from impasto.images.picture import fit_size, resize
from impasto.images.resampling import antialiased, resampled_levels


@pytest.mark.parametrize(
    ("size", "target"),
    [((601, 803), (300, 401)), ((601, 803), (61, 83)), ((333, 500), (666, 999)),
     ((300, 200), (300, 90)), ((300, 200), (90, 200)), ((1, 7), (3, 2))],
)  # fmt: skip
def test_strips_give_the_bits_of_the_whole(size, target, monkeypatch):
    monkeypatch.setattr("impasto.runtime.strips.STRIP_ELEMENTS", 5000)
    levels = torch.randint(0, 256, (1, 3, *size), dtype=torch.uint8)
    assert resampled_levels(levels, target).equal(antialiased(levels.float() / 255, target))


@pytest.mark.parametrize("suffix", ["png", "jpg", "webp"])
@pytest.mark.parametrize("long_side", [40, 100, 173, 300])
def test_a_picture_read_at_a_size_has_the_bits_of_one_resized(tmp_path, suffix, long_side):
    path = tmp_path / f"a.{suffix}"
    images.write(path, smooth_picture(120, 173, seed=1))
    whole = images.read(path)
    expected = resize(whole.tensor, fit_size(whole.size, long_side, max_enlarge=4))
    assert images.read(path, long_side=long_side).tensor.equal(expected)
    assert whole.tensor.dtype == torch.float32


@pytest.fixture
def large_jpeg(tmp_path, monkeypatch):
    """A JPEG that counts as large."""
    monkeypatch.setattr(decoding, "_LARGE", 1000)
    path = tmp_path / "a.jpg"
    images.write(path, smooth_picture(805, 1203, seed=1))
    return path


def test_a_large_jpeg_is_nearly_the_same(large_jpeg, monkeypatch):
    drafted = images.read(large_jpeg, long_side=150)
    monkeypatch.setattr(decoding, "_LARGE", 10**9)
    whole = images.read(large_jpeg, long_side=150)
    assert drafted.size == whole.size
    assert drafted.info.size == whole.info.size == (805, 1203)
    difference = (drafted.tensor - whole.tensor).abs()
    assert 0 < difference.max() < 8 / 255  # at edges, which the two filters treat differently
    assert difference.mean() < 1 / 255


def test_it_is_decoded_at_a_part_of_its_size(large_jpeg, monkeypatch):
    decoded = []
    decode = decoding._of_bytes
    monkeypatch.setattr(
        decoding,
        "_of_bytes",
        lambda image, *a, **k: decoded.append(image.size) or decode(image, *a, **k),
    )
    for long_side in (75, 150, 300, 301, 1203, 2000):
        images.read(large_jpeg, long_side=long_side)
    images.read(large_jpeg)
    eighth, quarter, half, whole = (-(-1203 // n) for n in (8, 4, 2, 1))
    assert [width for width, _ in decoded] == [eighth, quarter, half, whole, whole, whole, whole]


@pytest.mark.parametrize("orientation", range(1, 9))
def test_turned_jpegs_keep_their_shape(tmp_path, large_jpeg, orientation):
    exif = Image.Exif()
    exif[0x0112] = orientation
    path = tmp_path / "turned.jpg"
    Image.open(large_jpeg).save(path, exif=exif)
    expected = (201, 300) if orientation < 5 else (300, 201)
    read = images.read(path, long_side=300)
    assert read.size == expected
    assert read.info.size == ((805, 1203) if orientation < 5 else (1203, 805))


def test_pixels_are_counted_before_any_are_left_out(large_jpeg):
    with pytest.raises(ImageError, match="968415 pixels and at most 900000"):
        images.read(large_jpeg, long_side=100, max_pixels=900_000)


def test_a_large_png_is_never_held_in_floats(tmp_path):
    path = tmp_path / "a.png"
    Image.fromarray(np.zeros((2000, 3000, 3), np.uint8)).save(path)
    tracemalloc.start()
    try:
        images.read(path, long_side=100)
        assert tracemalloc.get_traced_memory()[1] < 2.2 * 3 * 6e6  # two copies in bytes
    finally:
        tracemalloc.stop()
