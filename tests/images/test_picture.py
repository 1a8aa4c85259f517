"""Pictures resized, converted to Pillow images and back, written in every format, read again."""

from __future__ import annotations

import math
import os
from functools import partial
from pathlib import Path

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import ExifTags, Image, JpegImagePlugin

from helpers import sentences
from helpers.random_inputs import smooth_picture
from impasto import images
from impasto.errors import ImageError, OptionError
from impasto.images.icc import srgb_profile
from impasto.runtime import strips

DOWN, RIGHT = torch.meshgrid(torch.linspace(0, 1, 40), torch.linspace(0, 1, 48), indexing="ij")
SMOOTH = torch.stack([DOWN, RIGHT, (1 + (5 * DOWN + 3 * RIGHT).sin()) / 2])[None]


sentence = partial(sentences.said, ImageError)


# --- sizes ---------------------------------------------------------------------------------------

SIDES = st.integers(1, 5000)


@given(SIDES, SIDES, SIDES)
def test_fit_size_keeps_long_side_and_aspect(height, width, long_side):
    fitted = images.fit_size((height, width), long_side)
    assert max(fitted) == long_side
    assert min(fitted) >= 1
    exact = min(height, width) * long_side / max(height, width)
    assert abs(min(fitted) - exact) <= 0.5 or (min(fitted) == 1 and exact < 1)
    assert (fitted[0] > fitted[1]) <= (height > width)


@given(SIDES, SIDES, SIDES, st.floats(1, 8))
def test_fit_size_respects_the_limit_on_enlarging(height, width, long_side, most):
    fitted = images.fit_size((height, width), long_side, max_enlarge=most)
    assert max(fitted) <= max(height, width) * most
    assert max(fitted) == long_side or max(fitted) + 1 > max(height, width) * most


def test_fit_size_refuses_a_side_of_zero():
    with pytest.raises(OptionError, match="long side is 0 pixels: choose 1 or more"):
        images.fit_size((3, 4), 0)


def test_read_resizes(tmp_path):
    path = tmp_path / "picture.png"
    Image.new("RGB", (60, 30)).save(path)
    assert images.read(path, long_side=20).size == (10, 20)
    assert images.read(path, long_side=10_000).size == (120, 240)
    assert images.read(path, long_side=10_000, max_enlarge=1).size == (30, 60)


def test_resize_to_the_same_size_is_the_identity():
    image = torch.rand(2, 3, 5, 7)
    assert images.resize(image, (5, 7)) is image


def test_resize_averages_and_stays_in_range():
    # A one-pixel checkerboard must become an even grey: without a low-pass filter it aliases.
    checkerboard = (torch.arange(64)[:, None] + torch.arange(64)).remainder(2).float()[None, None]
    small = images.resize(checkerboard, (9, 9))
    torch.testing.assert_close(small, torch.full_like(small, 0.5), atol=0.02, rtol=0)
    step = torch.zeros(1, 1, 8, 8)
    step[..., 4:] = 1
    large = images.resize(step, (50, 50))
    assert large.min() == 0
    assert large.max() == 1
    assert images.resize(torch.full((1, 3, 4, 4), 0.3), (11, 2)).sub(0.3).abs().max() < 1e-6


def test_nearest_resize_keeps_the_set_of_values():
    labels = torch.tensor([[0.0, 3.0], [7.0, 7.0]])[None, None]
    assert images.resize(labels, (5, 9), method="nearest").unique().tolist() == [0, 3, 7]
    with pytest.raises(OptionError, match="Unknown resize method 'cubic': choose one of antialias"):
        images.resize(labels, (5, 9), method="cubic")


@pytest.mark.parametrize("size", [(13, 13), (100, 100)])
def test_resizing_leaves_no_fringe(size):
    # A red disc on invisible green: no green may show.
    down, right = np.mgrid[:40, :40] - 19.5
    disc = down**2 + right**2 < 15**2
    pixels = np.where(disc[..., None], [255, 0, 0, 255], [0, 255, 0, 0]).astype(np.uint8)
    picture = images.from_pil(Image.fromarray(pixels)).resized(size)
    visible = (picture.alpha > 0.01)[0, 0]
    assert picture.size == picture.alpha.shape[-2:] == size
    assert 0.3 < visible.float().mean() < 0.6
    assert picture.tensor[0, 0, visible].min() > 0.99
    assert picture.tensor[0, 1, visible].max() < 0.01
    assert picture.tensor[0, 1, 0, 0] > 0.99  # invisible parts keep a colour to paint on


def test_a_picture_as_uint8():
    picture = images.Picture(smooth_picture(40, 50, seed=1))
    small = picture.as_uint8()
    assert small.tensor.dtype == torch.uint8
    assert float((small.tensor / 255 - picture.tensor).abs().max()) <= 0.5001 / 255
    assert torch.equal(small.as_uint8().tensor, small.tensor)
    expected = images.Picture(small.tensor / 255).resized((20, 30)).tensor
    torch.testing.assert_close(small.resized((20, 30)).tensor, expected)


@pytest.mark.parametrize("shape", [(1, 3, 9, 7), (3, 9, 7), (2, 3, 4, 2, 5, 2)])
def test_conversion_to_uint8_works_in_strips(shape, monkeypatch):
    values = 1.4 * torch.rand(shape, generator=torch.Generator().manual_seed(1)) - 0.2
    expected = (values * 255).round().clamp(0, 255).to(torch.uint8)
    for elements in (1, 40, 10**6):
        monkeypatch.setattr(strips, "STRIP_ELEMENTS", elements)
        assert torch.equal(images.as_uint8(values), expected)
        assert torch.equal(images.as_uint8(values.mT), expected.mT)


# --- tensors and Pillow images -------------------------------------------------------------------


def test_to_pil_rounds_to_the_nearest_and_clips():
    values = torch.tensor([-1.0, 0.49 / 255, 0.51 / 255, 254.49 / 255, 254.51 / 255, 7.0, math.inf])
    image = images.to_pil(values.expand(1, 3, 1, 7))
    assert np.asarray(image)[0, :, 0].tolist() == [0, 0, 1, 254, 255, 255, 255]


def test_to_pil_accepts_half_precision_with_gradients():
    image = torch.full((1, 3, 2, 2), 0.5, dtype=torch.bfloat16, requires_grad=True)
    assert images.to_pil(image).getpixel((0, 0)) == (128, 128, 128)


def test_from_pil_undoes_to_pil():
    image = Image.fromarray(np.arange(240, dtype=np.uint8).reshape(6, 10, 4))
    picture = images.from_pil(image)
    assert images.to_pil(picture.tensor, picture.alpha).tobytes() == image.tobytes()


def test_to_pil_refuses_nan_and_other_shapes():
    image = torch.zeros(1, 3, 2, 2)
    assert "contains NaN: the optimization or training that made it diverged" in sentence(
        images.to_pil, image * math.nan
    )
    assert "contains NaN" in sentence(images.to_pil, image, torch.full((1, 1, 2, 2), math.nan))
    for shape in [(3, 2, 2), (2, 3, 2, 2), (1, 1, 2, 2), (1, 3, 0, 2)]:
        message = sentence(images.to_pil, torch.zeros(shape))
        assert message.startswith("A picture has the shape (1, 3, H, W)")
        assert str(shape) in message
    assert "(1, 1, 9, 9)" in sentence(images.to_pil, image, torch.zeros(1, 1, 9, 9))


# --- writing -------------------------------------------------------------------------------------


@settings(max_examples=25, deadline=None)
@given(st.integers(1, 9), st.integers(1, 9), st.booleans(), st.integers(0, 2**31))
def test_png_round_trip(tmp_path_factory, height, width, with_alpha, seed):
    random = torch.Generator().manual_seed(seed)
    image = torch.rand(1, 3, height, width, generator=random)
    alpha = torch.rand(1, 1, height, width, generator=random) * 0.99 if with_alpha else None
    path = images.write(tmp_path_factory.getbasetemp() / "round.png", image, alpha=alpha)
    picture = images.read(path)
    torch.testing.assert_close(picture.tensor, image, atol=0.501 / 255, rtol=0)
    if with_alpha:
        torch.testing.assert_close(picture.alpha, alpha, atol=0.501 / 255, rtol=0)
    else:
        assert picture.alpha is None


FULL_FORMATS = [".png", ".jpg", ".jpeg", ".webp", ".tif", ".tiff"]


@pytest.mark.parametrize("ending", [*images.FORMATS, ".PNG", ".JPG"])
def test_writes_by_the_extension(tmp_path, ending):
    path = images.write(str(tmp_path / "new" / "folder" / f"out{ending}"), SMOOTH)
    assert path == tmp_path / "new" / "folder" / f"out{ending}"
    assert os.listdir(path.parent) == [path.name]
    tolerance = 0.2 if ending == ".gif" else 0.06
    torch.testing.assert_close(images.read(path).tensor, SMOOTH, atol=tolerance, rtol=0)
    with Image.open(path) as image:
        assert image.format == images.FORMATS[ending.lower()].name
        has_profile = image.info.get("icc_profile") == srgb_profile()
        assert has_profile == (ending.lower() in FULL_FORMATS)


def test_writes_the_same_bytes_again(tmp_path):
    first = images.write(tmp_path / "1.png", SMOOTH).read_bytes()
    srgb_profile.cache_clear()
    assert images.write(tmp_path / "2.png", SMOOTH).read_bytes() == first


@pytest.mark.parametrize("ending", images.FORMATS)
def test_keeps_alpha_or_composites_over_white(tmp_path, ending):
    alpha = torch.zeros(1, 1, 40, 48)
    alpha[..., :24] = 1
    picture = images.read(images.write(tmp_path / f"out{ending}", SMOOTH * 0, alpha=alpha))
    if images.FORMATS[ending].alpha:
        torch.testing.assert_close(picture.alpha, alpha)
    else:
        assert picture.alpha is None
        torch.testing.assert_close(picture.tensor[:, :1], 1 - alpha, atol=0.02, rtol=0)


def test_jpeg_keeps_full_colour_resolution_at_high_quality(tmp_path):
    for quality, sampling in [(95, 0), (90, 0), (89, 2)]:
        path = images.write(tmp_path / "out.jpg", SMOOTH, quality=quality)
        with Image.open(path) as image:
            assert JpegImagePlugin.get_sampling(image) == sampling
    with pytest.raises(OptionError, match="quality is 0: choose 1 to 100"):
        images.write(tmp_path / "out.jpg", SMOOTH, quality=0)


METADATA = {"recipe": 'steps = 3\nname = "日本 🎨"', "façade": "\ud800\0", "": ""}


@pytest.mark.parametrize("ending", images.FORMATS)
def test_metadata_round_trip(tmp_path, ending):
    path = images.write(tmp_path / f"out{ending}", SMOOTH, metadata=METADATA)
    expected = METADATA if ending in FULL_FORMATS else {}
    assert images.read_metadata(path) == expected
    assert images.read_metadata(images.write(path, SMOOTH)) == {}


@pytest.mark.parametrize("text", ["{", "[1]", '"text"', "null", "[" * 100_000, '{"a": 1}'])
def test_foreign_metadata_is_not_an_error(tmp_path, text):
    exif = Image.Exif()
    exif[ExifTags.Base.ImageDescription] = f"impasto {text}"
    Image.new("RGB", (2, 2)).save(tmp_path / "a.tif", exif=exif)
    assert images.read_metadata(tmp_path / "a.tif") == {}


@pytest.mark.filterwarnings("ignore:Corrupt EXIF")
def test_photographs_have_no_impasto_metadata(tmp_path):
    exif = Image.Exif()
    exif[ExifTags.Base.ImageDescription] = "A holiday in Delft"
    for notes in (exif, b"Exif\0\0MM\0*\xff\xff\xff\xff"):
        Image.new("RGB", (2, 2)).save(tmp_path / "photograph.jpg", exif=notes)
        assert images.read_metadata(tmp_path / "photograph.jpg") == {}


@pytest.mark.parametrize("failure", [KeyboardInterrupt, OSError, ValueError])
def test_a_failure_midway_leaves_the_old_file(tmp_path, monkeypatch, failure):
    path = images.write(tmp_path / "out.png", SMOOTH)
    before = path.read_bytes()

    def save(image, temporary, *args, **keywords):
        Path(temporary).write_bytes(before[:100])
        raise failure("disk on fire")

    monkeypatch.setattr(Image.Image, "save", save)
    expected = KeyboardInterrupt if failure is KeyboardInterrupt else ImageError
    with pytest.raises(expected, match="disk on fire"):
        images.write(path, SMOOTH * 0)
    assert path.read_bytes() == before
    assert os.listdir(tmp_path) == ["out.png"]


# --- errors of writing ----------------------------------------------------------------------------


@pytest.mark.parametrize("call", [images.check_output, lambda path: images.write(path, SMOOTH)])
def test_errors_name_the_problem_of_an_output_path(tmp_path, call):
    known = ".png, .jpg, .jpeg, .webp, .tif, .tiff, .bmp, .gif"
    path = tmp_path / "out.xyz"
    assert sentence(call, path) == (
        f"{path} has the extension '.xyz', which names no format: choose one of {known}."
    )
    path = tmp_path / "out"
    assert sentence(call, path) == (
        f"{path} has no extension, which names no format: choose one of {known}."
    )
    path = tmp_path / "folder.png"
    path.mkdir()
    assert sentence(call, path) == f"{path} is a folder: name a file in it."


def test_check_output_creates_nothing(tmp_path):
    path = tmp_path / "new" / "out.png"
    assert images.check_output(str(path)) == path
    assert os.listdir(tmp_path) == []


def test_errors_say_that_a_format_is_too_small(tmp_path):
    path = tmp_path / "wide.webp"
    assert sentence(images.write, path, torch.zeros(1, 3, 1, 16384)) == (
        f"{path} would be 16384 × 1 pixels, but .webp allows at most 16383 a side: "
        "choose one of .png, .jpg, .jpeg, .tif, .tiff, .bmp, .gif."
    )
    path = tmp_path / "wordy.jpg"
    message = sentence(images.write, path, SMOOTH, metadata={"recipe": "x" * 70_000})
    assert message == f"{path} could not be written (EXIF data is too long): choose .png."
    assert os.listdir(tmp_path) == []
