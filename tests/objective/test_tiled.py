"""Custom terms in tiles: any term with ``check_tiles``, ``sums`` and ``losses``."""

from __future__ import annotations

import pytest
import torch

from helpers.random_inputs import random_encoder, smooth_picture
from impasto.encoders.vgg import Architecture
from impasto.errors import OptionError
from impasto.objective.objective import Objective
from impasto.objective.terms import ContentTerm, TiledTerm, TotalVariation
from impasto.objective.tiled import TiledObjective
from impasto.objective.tiles import plan_tiles

ENCODER = random_encoder(Architecture((4, 6), (1, 1), padding="reflect"))
SIZE = (44, 57)


class Energy:
    """The logarithm of the energy of a layer, times the mean red of the picture."""

    layers = ("relu2_1", "image")

    def __call__(self, features):
        return self.losses(
            {
                "energy": features["relu2_1"].square().sum(),
                "red": features["image"][:, 0].sum(),
            }
        )

    def check_tiles(self):
        """Both are sums over positions."""

    def sums(self, features, tile, strides):
        core = {name: tile.core(features[name], strides[name]) for name in self.layers}
        return {
            "energy": core["relu2_1"].square().sum(),
            "red": core["image"][:, 0].sum(),
        }

    def losses(self, sums):
        return {"energy": sums["energy"].log() * sums["red"] / (SIZE[0] * SIZE[1])}


class Untiled:
    """A term without the methods for tiles."""

    layers = ("relu2_1",)

    def __call__(self, features):
        return {"maximum": features["relu2_1"].amax()}


class Refusing(Energy):
    """A term with the methods, which refuses tiles nevertheless."""

    def check_tiles(self):
        raise OptionError("The maximum is not a sum.")


def tiles():
    halo = ENCODER.halo(["relu2_1"])
    return plan_tiles(SIZE, 16, stride=2, halo=halo)


def test_custom_term_gives_the_same_in_tiles():
    image, content = smooth_picture(*SIZE, seed=1), smooth_picture(*SIZE, seed=2)
    assert isinstance(Energy(), TiledTerm)
    terms = [Energy(), ContentTerm(ENCODER(content, ["relu1_1"])), TotalVariation(0.1)]
    objective = Objective(terms, ENCODER)
    losses, gradient = objective.gradient(image)
    tiled_losses, tiled_gradient = TiledObjective(objective, ENCODER, tiles()).gradient(image)
    assert tiled_losses == pytest.approx(losses, rel=1e-4)
    torch.testing.assert_close(tiled_gradient, gradient, rtol=1e-3, atol=1e-6)


def test_a_term_without_the_methods_cannot_be_tiled():
    assert not isinstance(Untiled(), TiledTerm)
    objective = Objective([Untiled()], ENCODER)
    with pytest.raises(OptionError, match=r"cannot be computed in tiles.*TiledTerm"):
        TiledObjective(objective, ENCODER, tiles())


def test_a_term_may_refuse_tiles():
    objective = Objective([Refusing()], ENCODER)
    with pytest.raises(OptionError, match="not a sum"):
        TiledObjective(objective, ENCODER, tiles())
