"""Results saved with 16 bits, and with what the photograph's file says."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import tifffile
import torch
from PIL import ExifTags, Image

import impasto
from helpers.quick_paintings import FAST
from helpers.random_inputs import smooth_picture
from impasto import images
from impasto.colour.modes import COLOUR_MODES
from impasto.jobs.events import Note
from impasto.onepass import stylizer

TINY = FAST.replace(size=48, steps=1, final_steps=1)


@pytest.fixture
def photo(tmp_path: Path) -> Path:
    """Half transparent at the left, with an author."""
    alpha = torch.linspace(0.2, 1, 56).expand(1, 1, 48, 56)
    picture = images.to_pil(smooth_picture(48, 56, seed=1), alpha)
    exif = Image.Exif()
    exif[ExifTags.Base.Artist] = "Anna"
    picture.save(tmp_path / "photo.png", exif=exif, dpi=(300, 300))
    return tmp_path / "photo.png"


@pytest.fixture
def painting(tmp_path: Path) -> Path:
    return images.write(tmp_path / "painting.png", smooth_picture(48, 56, seed=2))


def deep(result: impasto.Painting, path: Path) -> np.ndarray:
    """The samples of a result saved with 16 bits, checked against those of the result."""
    stored = tifffile.imread(result.save(path, depth=16))
    parts = [result.tensor] + ([] if result.alpha is None else [result.alpha])
    expected = torch.cat(parts, 1)[0].permute(1, 2, 0).double() * 65535
    np.testing.assert_array_equal(stored, expected.round().clamp(0, 65535).numpy())
    return stored


@pytest.mark.parametrize("colour", COLOUR_MODES)
def test_paintings_of_every_colour_mode_have_16_bits(tmp_path, photo, painting, colour):
    result = impasto.paint(photo, painting, recipe=TINY, colour=colour)
    stored = deep(result, tmp_path / "out.tif")
    assert stored.shape[2] == 4
    assert len(np.unique(stored[..., :3] % 257)) > 200  # else they are bytes


@pytest.mark.parametrize("colour", COLOUR_MODES)
def test_one_pass_of_every_colour_mode_has_16_bits(tmp_path, photo, painting, colour):
    result = impasto.stylize(photo, painting, colour=colour)
    stored = deep(result, tmp_path / "out.tif")
    assert len(np.unique(stored[..., :3] % 257)) > 200


def test_textures_have_16_bits(tmp_path, painting):
    result = impasto.texture(painting, 48, recipe=TINY)
    assert len(np.unique(deep(result, tmp_path / "out.tif") % 257)) > 200
    result.save(tmp_path / "out.png", metadata="keep")  # there is no photograph


def test_very_large_pictures_are_held_in_floats_for_16_bits(tmp_path, painting, monkeypatch):
    monkeypatch.setattr(stylizer, "LARGE", 100)
    content = images.write(tmp_path / "opaque.png", smooth_picture(48, 56, seed=1))
    assert impasto.stylize(content, painting).tensor.dtype == torch.uint8
    result = impasto.stylize(content, painting, depth=16)
    assert len(np.unique(deep(result, tmp_path / "out.tif") % 257)) > 200


@pytest.mark.parametrize("way", ["paint", "stylize", "reconstruct"])
def test_the_author_is_kept(tmp_path, photo, painting, way):
    if way == "paint":
        result = impasto.paint(photo, painting, recipe=TINY)
    elif way == "stylize":
        result = impasto.stylize(photo, painting)
    else:
        result = impasto.reconstruct(photo, "relu1_1", size=48, steps=1, final_steps=1)
    for ending in (".png", ".jpg", ".webp", ".tif"):
        path = result.save(tmp_path / f"out{ending}", metadata="keep")
        info = images.read(path).info
        assert info.tags[ExifTags.Base.Artist] == "Anna"
        assert info.dpi == pytest.approx((300, 300), abs=0.01)
        assert "request" in images.read_metadata(path)
        assert images.read(result.save(tmp_path / f"plain{ending}")).info.tags == {}


@pytest.mark.parametrize("ending", [".jpg", ".tif", ".webp"])
def test_the_request_of_a_painting_that_is_painted_again_is_its_own(tmp_path, painting, ending):
    first = impasto.stylize(painting, painting).save(tmp_path / f"first{ending}")
    again = impasto.stylize(first, painting).save(tmp_path / f"again{ending}", metadata="keep")
    assert str(first) in images.read_metadata(again)["request"]


def test_a_picture_in_memory_keeps_its_author(tmp_path, photo, painting):
    with Image.open(photo) as image:
        result = impasto.stylize(image, painting)
    path = result.save(tmp_path / "out.png", metadata="keep")
    assert images.read(path).info.tags[ExifTags.Base.Artist] == "Anna"


def test_16_bits_are_kept_from_the_photograph_on(tmp_path, painting):
    """The colour mode ``content`` takes the colours of a deep photograph with all their levels."""
    ramp = torch.linspace(0.3, 0.32, 96).expand(1, 3, 64, 96) + torch.tensor([0, 0.1, 0.2]).view(
        3, 1, 1
    )
    path = images.write(tmp_path / "deep.png", ramp, depth=16)
    assert images.read(path).tensor.unique().numel() > 250
    result = impasto.stylize(path, painting, colour="content", strength=0.0)
    assert result.tensor[0, 0, 32].unique().numel() > 60


# --- notes ----------------------------------------------------------------------------------------


def notes(request: impasto.PaintRequest | impasto.StylizeRequest) -> list[str]:
    with impasto.run(request) as running:
        return [event.text for event in running if isinstance(event, Note)]


@pytest.fixture
def animation(tmp_path: Path) -> Path:
    frames = [Image.new("RGB", (56, 48), (10 * i, 90, 90)) for i in range(24)]
    frames[0].save(tmp_path / "a.gif", save_all=True, append_images=frames[1:])
    return tmp_path / "a.gif"


def test_frames_and_pages_are_told(tmp_path, animation, painting):
    told = f"{animation} is an animation: its first frame of 24 is used."
    style, other = impasto.StyleInput(str(painting)), impasto.StyleInput(str(animation))
    assert told in notes(impasto.PaintRequest(str(animation), (style,), TINY))
    assert told in notes(impasto.PaintRequest(str(painting), (other,), TINY))
    assert told in notes(impasto.StylizeRequest(str(animation), (style,)))
    assert told in notes(impasto.StylizeRequest(str(painting), (other,)))
    pages = [Image.new("RGB", (56, 48))] * 3
    pages[0].save(tmp_path / "scan.tif", save_all=True, append_images=pages[1:])
    request = impasto.StylizeRequest(str(tmp_path / "scan.tif"), (style,))
    assert f"{tmp_path / 'scan.tif'} has 3 pages: the first is used." in notes(request)
    assert notes(impasto.StylizeRequest(str(painting), (style,))) == []


def test_a_panorama_is_told_the_size_that_it_needs(tmp_path, painting):
    Image.new("RGB", (2000, 100), "teal").save(tmp_path / "wide.png")
    wide, style = str(tmp_path / "wide.png"), impasto.StyleInput(str(painting))
    recipe = TINY.replace(size=96)
    with pytest.raises(impasto.ImpastoError) as caught:
        notes(impasto.PaintRequest(wide, (style,), recipe))
    message = str(caught.value)
    assert message.startswith(f"{wide} has 2000×100 px, a narrow shape: at 96 px its short side ")
    needed = int(message.partition("Give size ")[2].split()[0])
    assert notes(impasto.PaintRequest(wide, (style,), recipe.replace(size=needed))) == []
    with pytest.raises(impasto.ImpastoError, match="a narrow shape"):
        notes(impasto.PaintRequest(wide, (style,), recipe.replace(size=needed - 1)))
    with pytest.raises(impasto.ImpastoError, match="Give size 330 or more, or crop it"):
        notes(impasto.StylizeRequest(wide, (style,), size=100))
    Image.new("RGB", (400, 1)).save(tmp_path / "line.png")
    with pytest.raises(impasto.ImpastoError, match=r"400×1 px.* must have 17 px or more, so crop"):
        notes(impasto.StylizeRequest(str(tmp_path / "line.png"), (style,), size=100))
