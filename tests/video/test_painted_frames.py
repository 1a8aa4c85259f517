"""Frames painted by optimization: steady, free where they must be, and resumed to the bit."""

from __future__ import annotations

from itertools import pairwise

import pytest
import torch
from torch import Tensor

from helpers.tiny_networks import fixed_styles
from helpers.videos import panned, texture
from impasto.colour.spaces import lightness_picture
from impasto.images.picture import Picture
from impasto.metrics.edges import luma
from impasto.onepass.stylizer import Stylizer
from impasto.painting.objective_builder import Style
from impasto.recipes.recipe import Recipe
from impasto.video import painted_frames
from impasto.video.painted_frames import PaintedFrames, Settings
from impasto.video.painters import FrameByFrame, Look
from impasto.weights.open import open_feature_extractor
from video.test_steady import frames, painted

SIZE = (48, 64)
RECIPE = Recipe(
    size=64,
    scales=1,
    steps=8,
    style_layers={"relu1_1": 1.0, "relu2_1": 1.0},
    content_layers={"relu3_1": 1.0},
)


def painter(**changes) -> PaintedFrames:
    """A painter of few steps; what it fills with is a tiny network of random weights."""
    recipe = changes.pop("recipe", RECIPE)
    stylizer = Stylizer(["one"], model=fixed_styles("paint", "one"))
    single = FrameByFrame(stylizer, lambda seconds: Look(stylizer.vector))
    styles = [Style(Picture(texture(*SIZE, seed=9, blur=1.0)))]
    encoder = open_feature_extractor("compact", "own")
    changes = {"steps": 4, **changes}
    return PaintedFrames(single, Settings(recipe, styles, encoder, **changes))


@pytest.fixture
def painted_fresh(monkeypatch) -> list[bool]:
    """Whether each painting by optimization was by itself, as they are made."""
    made: list[bool] = []
    original = painted_frames.painter_of

    def counted(settings, frame, regions=(), before=None, memory=None):
        made.append(before is None)
        return original(settings, frame, regions, before, memory)

    monkeypatch.setattr(painted_frames, "painter_of", counted)
    return made


def change(pictures: list[Tensor], right: int = 0) -> float:
    """Root mean squared change from frame to frame, the pan undone; without the border."""
    off = [(b - a.roll(right, -1))[..., 6:-6, 6:-6].square().mean() for a, b in pairwise(pictures)]
    return float(torch.stack(off).mean().sqrt())


def noisy(still: Tensor, count: int) -> list[Tensor]:
    random = torch.Generator().manual_seed(0)
    grain = [0.03 * torch.randn(still.shape, generator=random) for _ in range(count)]
    return [(still + part).clamp(0, 1) for part in grain]


def test_a_pan_flickers_much_less_than_frames_painted_by_themselves():
    film = [(x + 0.0).clamp(0, 1) for x in panned(5, (2, 0), SIZE)]
    random = torch.Generator().manual_seed(0)
    film = [(x + 0.03 * torch.randn(x.shape, generator=random)).clamp(0, 1) for x in film]
    single, held = painted(painter(steady=0.0), film), painted(painter(), film)
    assert torch.equal(single[0], held[0])
    assert change(held, 2) < 0.5 * change(single, 2)


def test_a_still_stays_still():
    still = texture(*SIZE)
    same = painted(painter(), [still] * 3)
    assert torch.equal(same[0], same[1])
    assert torch.equal(same[1], same[2])


def test_a_still_with_noise_settles_and_stays():
    grainy = painted(painter(steps=3), noisy(texture(*SIZE), 60))
    means = torch.stack([luma(frame).mean() for frame in grainy])
    assert float(means[30:].max() - means[30:].min()) < 1 / 255
    assert float((means[-1] - means[0]).abs()) < 5 / 255
    single = painted(painter(steady=0.0), noisy(texture(*SIZE), 4))
    assert change(grainy) < 0.5 * change(single)


def test_a_cut_begins_anew(painted_fresh):
    first = texture(*SIZE, seed=1) * torch.tensor([1, 0.4, 0.1]).view(1, 3, 1, 1)
    second = texture(*SIZE, seed=2) * torch.tensor([0.1, 0.4, 1]).view(1, 3, 1, 1)
    found = painted(painter(), [*noisy(first, 2), second])
    assert painted_fresh == [True, False, True]
    assert torch.equal(found[-1], painted(painter(), [second])[0])


def test_between_painted_frames_the_painting_moves_along_the_flow(painted_fresh):
    film = panned(6, (2, 0), SIZE)
    found = painted(painter(every=3), film)
    assert painted_fresh == [True, False]
    for before, after in pairwise(found[:3]):
        off = (after - before.roll(2, -1))[..., 10:-10, 10:-10].abs().mean()
        assert float(off) < 0.02
    assert float((found[0] - found[2]).abs().mean()) > 0.05


def test_what_was_not_seen_before_is_the_networks():
    film = panned(2, (12, 0), SIZE)
    found = painted(painter(every=2), film)
    network = painted(painter(every=2)._inner, film)[1]
    new = slice(0, 6)  # it came in from the left
    off = (found[1] - network)[..., new].abs().mean()
    assert float(off) < 0.5 * float((found[1] - network)[..., 24:].abs().mean())


@pytest.mark.parametrize("every", [1, 3])
def test_a_state_goes_on_to_the_same_paintings(every):
    film = panned(6, (1, 1), SIZE)
    whole = painted(painter(every=every), film)
    first, then = painter(every=every), painter(every=every)
    with torch.inference_mode():
        for frame in frames(film)[:4]:
            first(frame)
        then.load_state({name: value.clone() for name, value in first.state().items()})
        rest = [then(frame) for frame in frames(film)[4:]]
    for found, wanted in zip(rest, whole[4:], strict=True):
        assert torch.equal(found, wanted)
    then.reset()
    assert torch.equal(painted(then, film[:1])[0], whole[0])


def test_colours_of_the_clip():
    recipe = RECIPE.replace(colour="luminance", colour_space="oklab")
    film = panned(3, (2, 0), SIZE)
    found = painted(painter(recipe=recipe), film)
    for frame, result in zip(film, found, strict=True):
        off = [(x - lightness_picture(x, "oklab")).flatten(2).std(-1) for x in (frame, result)]
        assert float((off[0] - off[1]).abs().mean()) < 0.3 * float(off[0].mean())
