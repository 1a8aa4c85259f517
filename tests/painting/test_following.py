"""A painting that goes on from the one before: held where it is trusted, free elsewhere."""

from __future__ import annotations

import pytest
import torch

from helpers.videos import texture
from impasto.painting.following import Before, FollowingPainter
from impasto.recipes.recipe import Recipe

SIZE = (48, 64)
RECIPE = Recipe(
    size=64,
    style_layers={"relu1_1": 1.0, "relu2_1": 1.0},
    content_layers={"relu3_1": 1.0},
    tv_weight=0.0,
)


def followed(before: Before, steps: int = 6, **options) -> FollowingPainter:
    painter = FollowingPainter(
        texture(*SIZE, seed=1), [texture(*SIZE, seed=2, blur=1.0)], RECIPE, before, steps, **options
    )
    for step in painter:
        assert ("temporal" in step.losses) == bool(before.weight)
    return painter


def test_it_is_held_as_far_as_it_is_trusted():
    start, trust = texture(*SIZE, seed=3), torch.zeros(1, 1, *SIZE)
    trust[..., 32:] = 1
    change = (followed(Before(start, trust, 1e4)).image - start).abs()
    free, held = float(change[..., :28].mean()), float(change[..., 36:].mean())
    assert held < 0.2 * free
    plain = (followed(Before(start, trust, 0.0)).image - start).abs()
    assert float(plain[..., 36:].mean()) > 3 * held


def test_it_is_painted_at_one_size_in_its_steps():
    before = Before(texture(*SIZE), torch.ones(1, 1, *SIZE), 1.0)
    painter = followed(before, steps=3)
    assert [(stage.size, stage.steps) for stage in painter.stages] == [(SIZE, 3)]
    assert painter.done


@pytest.mark.parametrize("weight", [0.0, 50.0])
def test_the_same_in_tiles(weight, monkeypatch):
    """The term reads the whole picture, whatever the tiles are."""
    large = texture(160, 192, seed=3)
    before = Before(large, torch.ones(1, 1, 160, 192), weight)
    recipe = RECIPE.replace(size=192, precision="float32")

    def gradient(side):
        painter = FollowingPainter(
            texture(160, 192, seed=1), [texture(*SIZE, seed=2)], recipe, before, 1
        )
        monkeypatch.setattr(painter.objective_builder, "side", lambda size: side)
        return painter.objective((160, 192)).gradient(texture(160, 192, seed=4))

    (losses, whole), (tiled_losses, tiled) = gradient(None), gradient(96)
    assert tiled_losses == pytest.approx(losses, rel=1e-4)
    torch.testing.assert_close(tiled, whole, rtol=1e-3, atol=1e-6)
