"""Partly transparent style pictures: invisible pixels do not count as style."""

import pytest
import torch

import impasto
from helpers.quick_paintings import FAST, finish
from helpers.random_inputs import smooth_picture
from impasto import images
from impasto.painting.painter import Painter
from impasto.regions.masks import visible

SIZE = 80, 120


def half_transparent(hidden: float) -> images.Picture:
    """A style whose right half is invisible, with the value ``hidden``."""
    tensor = smooth_picture(*SIZE, seed=4)
    tensor[..., 60:] = hidden
    alpha = torch.ones(1, 1, *SIZE)
    alpha[..., 60:] = 0
    return images.Picture(tensor, alpha)


def test_invisible_colours_are_replaced_by_the_mean():
    one, other = half_transparent(0.1), half_transparent(0.9)
    picture, weights = visible(one.tensor, one.alpha)
    assert torch.equal(picture, visible(other.tensor, other.alpha)[0])
    assert torch.equal(weights, one.alpha)
    assert torch.equal(picture[..., :60], one.tensor[..., :60])
    mean = one.tensor[..., :60].mean((2, 3), keepdim=True)
    torch.testing.assert_close(picture[..., 60:], mean.expand(-1, -1, *SIZE)[..., 60:])


def test_a_mask_counts_only_where_the_style_is_visible():
    style, mask = half_transparent(0.1), torch.zeros(1, 1, *SIZE)
    mask[:, :, 40:] = 0.5
    _, weights = visible(style.tensor, style.alpha, mask)
    assert weights[:, :, 40:, :60].eq(0.5).all()
    assert weights.sum() == 40 * 60 * 0.5


@pytest.mark.parametrize("alpha", [None, torch.zeros(1, 1, *SIZE)])
def test_opaque_and_fully_transparent_pictures_count_as_a_whole(alpha):
    picture = smooth_picture(*SIZE, seed=4)
    found, weights = visible(picture, alpha)
    assert found is picture
    assert weights is None


@pytest.mark.parametrize("style_loss", ["gram", "sliced"])
def test_paintings_ignore_invisible_pixels(encoder, style_loss):
    content = images.Picture(smooth_picture(64, 72, seed=1))
    recipe = FAST.replace(steps=2, final_steps=2, style_loss=style_loss)

    def painted(style):
        return finish(Painter(content, [style], recipe, encoder=encoder))

    one, other = (painted(half_transparent(hidden)) for hidden in (0.1, 0.9))
    torch.testing.assert_close(one, other, rtol=0, atol=1e-5)
    opaque = images.Picture(half_transparent(0.9).tensor)
    assert (painted(opaque) - other).abs().max() > 1e-2


def test_one_pass_networks_ignore_invisible_pixels(tmp_path):
    images.write(tmp_path / "photo.png", smooth_picture(64, 72, seed=1))
    for name, hidden in (("one", 0.1), ("other", 0.9)):
        style = half_transparent(hidden)
        images.write(tmp_path / f"{name}.png", style.tensor, alpha=style.alpha)
    one, other = (
        impasto.stylize(tmp_path / "photo.png", tmp_path / f"{name}.png").tensor
        for name in ("one", "other")
    )
    torch.testing.assert_close(one, other, rtol=0, atol=0.02)


def test_a_region_may_use_a_part_of_a_partly_transparent_style(tmp_path):
    """The mask has the style's original size, and the style is read at another."""
    images.write(tmp_path / "photo.png", smooth_picture(64, 72, seed=1))
    for name, size in (("sky", (64, 72)), ("part", SIZE)):
        mask = torch.zeros(1, 3, *size)
        mask[:, :, :30] = 1
        images.write(tmp_path / f"{name}.png", mask)
    results = []
    for name, hidden in (("one", 0.1), ("other", 0.9)):
        style = half_transparent(hidden)
        images.write(tmp_path / f"{name}.png", style.tensor, alpha=style.alpha)
        region = f"sky={tmp_path}/sky.png@{tmp_path}/{name}.png:{tmp_path}/part.png"
        photo = tmp_path / "photo.png"
        results.append(impasto.stylize(photo, photo, model="any", regions=[region]).tensor)
    torch.testing.assert_close(results[0], results[1], rtol=0, atol=0.02)
