"""Style pictures that are transparent in part: what cannot be seen is no style."""

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
    """A style whose right half cannot be seen, and has one value there."""
    tensor = smooth_picture(*SIZE, seed=4)
    tensor[..., 60:] = hidden
    alpha = torch.ones(1, 1, *SIZE)
    alpha[..., 60:] = 0
    return images.Picture(tensor, alpha)


def test_nothing_of_an_invisible_colour_is_left():
    one, other = half_transparent(0.1), half_transparent(0.9)
    picture, weights = visible(one.tensor, one.alpha)
    assert torch.equal(picture, visible(other.tensor, other.alpha)[0])
    assert torch.equal(weights, one.alpha)
    assert torch.equal(picture[..., :60], one.tensor[..., :60])
    mean = one.tensor[..., :60].mean((2, 3), keepdim=True)
    torch.testing.assert_close(picture[..., 60:], mean.expand(-1, -1, *SIZE)[..., 60:])


def test_what_is_wanted_of_it_counts_where_it_can_be_seen():
    style, where = half_transparent(0.1), torch.zeros(1, 1, *SIZE)
    where[:, :, 40:] = 0.5
    _, weights = visible(style.tensor, style.alpha, where)
    assert weights[:, :, 40:, :60].eq(0.5).all()
    assert weights.sum() == 40 * 60 * 0.5


@pytest.mark.parametrize("alpha", [None, torch.zeros(1, 1, *SIZE)])
def test_an_opaque_picture_and_one_of_which_nothing_is_seen_count_whole(alpha):
    picture = smooth_picture(*SIZE, seed=4)
    found, weights = visible(picture, alpha)
    assert found is picture
    assert weights is None


@pytest.mark.parametrize("style_loss", ["gram", "sliced"])
def test_paintings_do_not_see_it(encoder, style_loss):
    content = images.Picture(smooth_picture(64, 72, seed=1))
    recipe = FAST.replace(steps=2, final_steps=2, style_loss=style_loss)

    def painted(style):
        return finish(Painter(content, [style], recipe, encoder=encoder))

    one, other = (painted(half_transparent(hidden)) for hidden in (0.1, 0.9))
    torch.testing.assert_close(one, other, rtol=0, atol=1e-5)
    opaque = images.Picture(half_transparent(0.9).tensor)
    assert (painted(opaque) - other).abs().max() > 1e-2


def test_one_pass_does_not_see_it(tmp_path):
    images.write(tmp_path / "photo.png", smooth_picture(64, 72, seed=1))
    for name, hidden in (("one", 0.1), ("other", 0.9)):
        style = half_transparent(hidden)
        images.write(tmp_path / f"{name}.png", style.tensor, alpha=style.alpha)
    one, other = (
        impasto.stylize(tmp_path / "photo.png", tmp_path / f"{name}.png").tensor
        for name in ("one", "other")
    )
    torch.testing.assert_close(one, other, rtol=0, atol=0.02)


def test_a_region_has_a_part_of_a_style_that_can_be_seen_in_part(tmp_path):
    """The mask is of the style's own size, and the style is read at another."""
    images.write(tmp_path / "photo.png", smooth_picture(64, 72, seed=1))
    for name, where in (("sky", (64, 72)), ("part", SIZE)):
        mask = torch.zeros(1, 3, *where)
        mask[:, :, :30] = 1
        images.write(tmp_path / f"{name}.png", mask)
    made = []
    for name, hidden in (("one", 0.1), ("other", 0.9)):
        style = half_transparent(hidden)
        images.write(tmp_path / f"{name}.png", style.tensor, alpha=style.alpha)
        region = f"sky={tmp_path}/sky.png@{tmp_path}/{name}.png:{tmp_path}/part.png"
        photo = tmp_path / "photo.png"
        made.append(impasto.stylize(photo, photo, model="any", regions=[region]).tensor)
    torch.testing.assert_close(made[0], made[1], rtol=0, atol=0.02)
