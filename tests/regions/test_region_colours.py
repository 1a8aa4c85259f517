"""Regions with the colours of the style or of the photograph."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
import torch

import impasto
from helpers.random_inputs import smooth_picture
from impasto import images
from impasto.colour.modes import COLOUR_MODES
from impasto.errors import OptionError
from impasto.images.picture import as_uint8
from impasto.jobs.request_json import from_metadata
from impasto.jobs.requests import StylizeRequest
from impasto.regions.region_colours import have_colours, in_colours
from impasto.regions.regions import Region

PAINTED, PHOTO = smooth_picture(40, 60, seed=1), smooth_picture(40, 60, seed=2)
SHARE = smooth_picture(40, 60, seed=3)[:, :1]


def regions(first: str, second: str = "", *, keep: bool = False) -> list[Region]:
    return [Region("a", SHARE, colour=first, keep=keep), Region("b", 1 - SHARE, colour=second)]


@pytest.mark.parametrize("whole", ["style", "content", "match", "luminance"])
@pytest.mark.parametrize("own", ["style", "content"])
@pytest.mark.parametrize("overwrite", [False, True])
def test_each_place_has_the_colours_of_its_region(whole, own, overwrite):
    given = PAINTED.clone()
    found = in_colours(given, PHOTO, whole, "oklab", regions(own), overwrite=overwrite)
    base, other = (COLOUR_MODES[name].result(PAINTED, PHOTO, "oklab") for name in (whole, own))
    torch.testing.assert_close(found, base + SHARE * (other - base), rtol=0, atol=1e-5)
    assert overwrite or torch.equal(given, PAINTED)


def test_pictures_and_masks_in_bytes():
    levels = [replace(region, mask=as_uint8(region.mask)) for region in regions("content")]
    found = in_colours(as_uint8(PAINTED), as_uint8(PHOTO), "style", "oklab", levels)
    expected = in_colours(PAINTED, PHOTO, "style", "oklab", regions("content"))
    assert found.dtype == torch.uint8
    assert float((found / 255 - expected).abs().max()) < 2.5 / 255


def test_without_other_colours_nothing_is_done():
    assert in_colours(PAINTED, PHOTO, "style", "oklab", regions("style")) is PAINTED
    assert not have_colours(regions("content", keep=True), "style")
    assert have_colours(regions("", "content"), "style")


@pytest.fixture
def files(tmp_path):
    """A photograph, a painting, and a mask of the photograph's left half."""
    for name, seed in (("photo.png", 4), ("style.png", 5)):
        images.write(tmp_path / name, smooth_picture(96, 128, seed=seed))
    mask = np.zeros((96, 128), bool)
    mask[:, :64] = True
    images.write(tmp_path / "left.png", mask)
    return [str(tmp_path / name) for name in ("photo.png", "style.png", "left.png")]


def chroma_error(one: torch.Tensor, other: torch.Tensor) -> float:
    """Mean difference of colours, brightness aside."""
    difference = one - other
    return float((difference - difference.mean(1, keepdim=True)).abs().mean())


@pytest.mark.parametrize("how", ["paint", "stylize"])
def test_a_region_keeps_the_photographs_colours_and_the_rest_has_the_styles(how, files, encoder):
    photo, style, mask = files
    if how == "paint":
        recipe = impasto.get_recipe("quick").replace(
            encoder=encoder, size=96, content_layers={"relu4_1": 1.0}, steps=4
        )
        options = {"recipe": recipe}
        make = impasto.paint
    else:
        options, make = {}, impasto.stylize
    plain = make(photo, style, **options).tensor
    found = make(photo, style, regions=[f"left={mask},colour=content"], **options).tensor
    original = images.read(photo).resized((found.shape[-2], found.shape[-1])).tensor
    half = found.shape[-1] // 2
    left, right = slice(0, half - 2), slice(half + 2, None)
    assert chroma_error(found[..., left], original[..., left]) < 0.5 * chroma_error(
        plain[..., left], original[..., left]
    )
    assert chroma_error(found[..., right], original[..., right]) > 0.05


def test_the_request_is_found_again_in_the_file(files, tmp_path):
    photo, style, mask = files
    text = f"left={mask}@{style},colour=content"
    result = impasto.stylize(photo, style, regions=[text])
    result.save(tmp_path / "painted.png")
    again = impasto.stylize(photo, style, regions=[text.replace(",colour=content", "")])
    assert not torch.equal(result.tensor, again.tensor)
    request = from_metadata(images.read_metadata(tmp_path / "painted.png"))
    assert isinstance(request, StylizeRequest)
    assert request.regions[0].colour == "content"


def test_the_styles_colours_are_there_only_where_they_are_painted(files):
    photo, style, mask = files
    for colour in ("match", "luminance"):
        with pytest.raises(OptionError, match=f"the style's colours with colour {colour}: give"):
            impasto.stylize(photo, style, regions=[f"left={mask},colour=style"], colour=colour)
