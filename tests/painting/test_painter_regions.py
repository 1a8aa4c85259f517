"""Regions: each is painted in its own style, or kept."""

import pytest
import torch

from helpers.quick_paintings import COLD, FAST, LAYERS, SIZE, WARM, finish, gram_distances, left
from impasto.images.picture import Picture
from impasto.painting.objective_builder import ObjectiveBuilder, Style
from impasto.painting.painter import Painter
from impasto.regions.masks import MASK_MODES, layer_masks
from impasto.regions.regions import Region


@pytest.mark.parametrize("mode", MASK_MODES)
def test_each_region_is_painted_in_its_own_style(encoder, paint, mode):
    picture = paint([COLD], [Region("sun", left(), WARM)], mask_mode=mode)
    for where, style, other in ((left(), WARM, COLD), (1 - left(), COLD, WARM)):
        maps = layer_masks(where, encoder, LAYERS, mode)
        near = gram_distances(encoder, picture, style.tensor, maps)
        far = gram_distances(encoder, picture, other.tensor, maps)
        assert all(near[layer] < 0.6 * far[layer] for layer in LAYERS)


def test_a_region_is_painted_in_its_part_of_the_style(encoder, paint):
    """One style picture, warm above and cold below; the photograph's left is to be warm."""
    both = torch.cat([WARM.tensor[..., :40, :64], COLD.tensor[..., :40, :]], dim=2)
    above = torch.zeros(1, 1, 80, 64)
    above[..., :40, :] = 1
    regions = [
        Region("a", left(), style_mask=above),
        Region("b", 1 - left(), style_mask=1 - above),
    ]
    picture = paint([Picture(both)], regions)
    red, blue = (picture[0, 0] - picture[0, 2]).split(48, dim=1)
    assert red.mean() > 0.15
    assert blue.mean() < -0.05


@pytest.mark.parametrize("colour", ["style", "content", "luminance", "match"])
def test_a_kept_region_is_the_photograph(paint, content, colour):
    picture = paint([WARM], [Region("face", left(), keep=True)], colour=colour, steps=3)
    assert torch.equal(picture[..., :48], content.tensor[..., :48])
    assert (picture - content.tensor)[..., 48:].abs().mean() > 0.02


def test_soft_masks_blend(encoder, content):
    ramp = torch.linspace(0, 1, 96).expand(1, 1, *SIZE).contiguous()
    painter = Painter(
        content, [WARM], FAST, regions=[Region("face", ramp, keep=True)], encoder=encoder
    )
    picture = finish(painter)
    blend = ramp * content.tensor + (1 - ramp) * painter.image
    torch.testing.assert_close(picture, blend, atol=1e-5, rtol=0)
    away = (picture - content.tensor).abs().mean((0, 1, 2))
    assert away[:24].mean() > away[24:72].mean() > away[72:].mean()


def test_everything_kept_is_the_photograph(paint, content):
    picture = paint([WARM], [Region("all", torch.ones(1, 1, *SIZE), keep=True)], tv_weight=1.0)
    torch.testing.assert_close(picture, content.tensor, atol=1e-6, rtol=0)


def test_the_weight_of_a_region_does_not_depend_on_its_size(encoder, content):
    """Its loss is that of its mean, not of its sum."""
    narrow = torch.zeros(1, 1, *SIZE)
    narrow[..., :16] = 1
    flat = Picture(torch.full((1, 3, *SIZE), 0.4))
    losses = []
    for where in (narrow, left()):
        regions = [Region("a", where, WARM), Region("b", 1 - where, WARM)]
        builder = ObjectiveBuilder(flat, [Style(WARM)], FAST, encoder, regions=regions)
        losses.append(builder.objective(SIZE).gradient(flat.tensor)[0])
    # But for what reflection at the border does to a flat picture: nothing.
    assert losses[0] == pytest.approx(losses[1], rel=1e-3)
