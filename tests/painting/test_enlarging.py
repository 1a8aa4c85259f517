"""Pictures beyond ``paint_size``: painted small, enlarged along edges, touched up."""

from __future__ import annotations

import pytest
import torch
from torch import Tensor

from helpers.quick_paintings import SMALL, stripes
from impasto.encoders.vgg import Encoder
from impasto.enlargement.guided import carried
from impasto.images.picture import Picture, resize
from impasto.painting.enlarging import along_edges
from impasto.painting.painter import Painter
from impasto.painting.reconstruction import reconstruction
from impasto.painting.texture import TexturePainter
from impasto.regions.regions import Region

LARGE = SMALL.replace(size=200, paint_size=96, touch_up_steps=2, gamut="srgb", precision="float32")


@pytest.fixture
def photo() -> Picture:
    """A dark disc with a sharp rim on a bright ground, twice as large as it is painted."""
    rows, columns = torch.arange(134)[:, None], torch.arange(200)
    disc = ((rows - 67) ** 2 + (columns - 100) ** 2 < 40**2).float()
    return Picture((0.8 - 0.6 * disc).expand(1, 3, 134, 200).contiguous())


@pytest.fixture
def style() -> Picture:
    return stripes((64, 96), 8, True, (0.1, 0.2, 0.5), (0.9, 0.8, 0.3))


def painted(painter: Painter) -> Tensor:
    for _ in painter:
        pass
    return painter.image


def test_without_touching_up_it_is_the_small_painting_along_the_edges(encoder, photo, style):
    painter = Painter(photo, [style], LARGE.replace(touch_up_steps=0), encoder=encoder)
    small = [step.image.clone() for step in painter][-1]
    assert small.shape == (1, 3, 64, 96)
    expected = carried(small, resize(photo.tensor, (64, 96)), photo.tensor)
    torch.testing.assert_close(painter.image, expected)


def test_the_small_painting_is_that_of_the_small_photograph(encoder, photo, style):
    """Size by size: the same sizes, steps and targets."""
    painter = Painter(photo, [style], LARGE, encoder=encoder)
    alone = Painter(photo.resized((64, 96)), [style], LARGE.replace(size=96), encoder=encoder)
    assert painter.stages[:-1] == alone.stages
    image = resize(photo.tensor, (64, 96))
    ours, theirs = (each.objective((64, 96)).gradient(image)[0] for each in (painter, alone))
    assert ours == pytest.approx(theirs, rel=1e-4)


def test_the_edges_are_those_of_the_photograph(encoder, photo, style):
    """Across the rim the painting changes within few pixels, as no resized picture does."""
    painter = Painter(photo, [style], LARGE.replace(touch_up_steps=0), encoder=encoder)
    small = resize(photo.tensor, (64, 96))
    ours, plain = along_edges(small, photo.tensor), resize(small, (134, 200))
    steepest = [float(x.diff(dim=-1).abs().max()) for x in (ours, plain)]
    assert steepest[0] > 1.4 * steepest[1]
    assert painted(painter).min() >= 0


def test_a_few_steps_at_the_full_size_lower_its_loss(encoder, photo, style):
    painter = Painter(photo, [style], LARGE, encoder=encoder)
    steps = [step for step in painter if step.size == (134, 200)]
    assert [step.step for step in steps] == [1, 2]
    enlarged = Painter(photo, [style], LARGE.replace(touch_up_steps=0), encoder=encoder)
    losses = painter.objective((134, 200)).gradient(painted(enlarged))[0]
    assert steps[-1].loss < steps[0].loss < sum(losses.values())


def test_left_and_resumed_while_it_is_touched_up(encoder, photo, style):
    def make() -> Painter:
        return Painter(photo, [style], LARGE, encoder=encoder)

    expected = painted(make())
    first = make()
    for step in first:
        if step.stage == len(first.stages) - 1:
            break
    second = make()
    second.load_state_dict(first.state_dict())
    torch.testing.assert_close(painted(second), expected, atol=2e-3, rtol=0)


def test_kept_regions_are_the_photograph_at_its_full_size(encoder, photo, style):
    mask = torch.zeros(1, 1, 134, 200)
    mask[..., :100] = 1
    painter = Painter(photo, [style], LARGE, regions=[Region("left", mask, keep=True)],
                      encoder=encoder)  # fmt: skip
    painted(painter)
    torch.testing.assert_close(painter.picture[..., :99], photo.tensor[..., :99])
    assert (painter.picture[..., 110:] - photo.tensor[..., 110:]).abs().mean() > 0.01


def test_without_strength_it_is_nearly_the_photograph(encoder: Encoder, photo, style):
    recipe = LARGE.replace(strength=0.0, content_weight=1.0)
    ours = painted(Painter(photo, [style], recipe, encoder=encoder))
    assert (ours - photo.tensor).abs().mean() < 0.03


def test_textures_and_reconstructions_have_no_edges_to_follow(encoder, photo, style):
    texture = TexturePainter([style], (200, 200), LARGE, encoder=encoder)
    content = reconstruction(photo, LARGE, {"relu4_1": 1.0}, encoder=encoder)
    for painter in (texture, content):
        assert not any(stage.along_edges for stage in painter.stages)
