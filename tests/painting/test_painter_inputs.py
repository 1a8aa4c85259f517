"""What a painter is given: pictures of any kind, at the size that its recipe says."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
import torch
from PIL import Image

import impasto
from helpers.quick_paintings import FAST, WARM, finish, left
from helpers.random_inputs import smooth_picture
from impasto import images
from impasto.errors import ImageError, OptionError
from impasto.images.picture import Picture
from impasto.painting.painter import Painter
from impasto.painting.texture import TexturePainter
from impasto.regions.regions import Region

QUICK = FAST.replace(steps=2, scales=1)


@pytest.mark.parametrize(("size", "expected"), [(60, (40, 60)), (96, (64, 96)), (120, (80, 120))])
def test_the_recipes_size_is_that_of_the_painting(encoder, content, size, expected):
    painter = Painter(content, [WARM], replace(QUICK, size=size), encoder=encoder)
    assert painter.content.size == painter.stages[-1].size == expected
    assert finish(painter).shape == (1, 3, *expected)
    assert torch.equal(painter.content.tensor, images.read(content, long_side=size).tensor)


def test_a_small_picture_is_enlarged_as_often_as_a_file_of_it(encoder, tmp_path):
    small = smooth_picture(12, 16, seed=3)
    path = images.write(tmp_path / "small.png", small)
    recipe = QUICK.replace(size=96)
    for given in (path, images.read(path), images.read(path, long_side=96)):
        assert Painter(given, [WARM], recipe, encoder=encoder).content.size == (48, 64)


def test_alpha_and_regions_have_the_size_of_the_painting(encoder, content):
    alpha = torch.linspace(0, 1, 96).expand(1, 1, 64, 96)
    given = Picture(content.tensor, alpha)
    regions = [Region("left", left(), WARM), Region("right", 1 - left(), keep=True)]
    recipe = QUICK.replace(size=48)
    painter = Painter(given, [WARM], recipe, regions=regions, encoder=encoder)
    assert painter.content.alpha.shape == (1, 1, 32, 48)
    painted = finish(painter)
    kept = painter.content.tensor
    assert torch.equal(painted[..., 25:], kept[..., 25:])
    assert not torch.equal(painted[..., :20], kept[..., :20])


def test_a_mask_of_another_size_is_still_refused(encoder, content):
    regions = [Region("left", left((30, 40)), WARM)]
    with pytest.raises(OptionError, match="masks of a picture of 48×32 px"):
        Painter(content, [WARM], QUICK.replace(size=48), regions=regions, encoder=encoder)


def test_pictures_of_every_kind(encoder, content, style, tmp_path):
    array = images.as_uint8(content.tensor)[0].permute(1, 2, 0).numpy()
    painting = images.as_uint8(style.tensor)[0].permute(1, 2, 0).numpy()
    paths = [images.write(tmp_path / f"{n}.png", p) for n, p in enumerate((array, painting))]
    pairs = [
        (paths[0], paths[1]),
        (array, [painting]),
        (Image.fromarray(array), [Image.fromarray(painting)]),
        (torch.from_numpy(array).permute(2, 0, 1), torch.from_numpy(painting).permute(2, 0, 1)),
    ]
    painted = [finish(Painter(*pair, QUICK, encoder=encoder)) for pair in pairs]
    for other in painted[1:]:
        torch.testing.assert_close(other, painted[0], atol=1e-4, rtol=0)
    texture = TexturePainter(painting, (64, 64), QUICK, encoder=encoder)
    assert finish(texture).shape == (1, 3, 64, 64)
    with pytest.raises(ImageError, match="int is not a picture"):
        Painter(5, [painting], QUICK, encoder=encoder)
    with pytest.raises(OptionError, match="at least one style"):
        Painter(array, [], QUICK, encoder=encoder)


def test_a_recipe_may_be_named(encoder):
    pixels = np.zeros((40, 60, 3), np.uint8)
    named = impasto.Painter(pixels, pixels, "photo")
    assert named.recipe == impasto.get_recipe("photo")
    assert named.content.size == (160, 240)  # four times at most
    assert impasto.Painter(pixels, pixels).recipe == impasto.Recipe()
    with pytest.raises(OptionError, match=r"A recipe is an impasto\.Recipe, .* not dict"):
        impasto.Painter(pixels, pixels, {"size": 64})


def test_a_given_start_is_used(encoder, content):
    start = smooth_picture(64, 96, seed=7)
    painter = Painter(content, [WARM], QUICK, encoder=encoder, initial_image=start)
    torch.testing.assert_close(painter.image, start)
