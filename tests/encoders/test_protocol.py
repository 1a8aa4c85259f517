"""Encoders as feature extractors: impasto.Encoder, plain functions, and other classes."""

from __future__ import annotations

import pytest
import torch

from helpers.random_inputs import random_encoder, smooth_picture
from impasto.encoders.protocol import FeatureExtractor, FunctionEncoder, as_feature_extractor
from impasto.encoders.vgg import Architecture
from impasto.errors import OptionError
from impasto.losses.statistics import get_statistic
from impasto.objective.objective import Objective
from impasto.objective.terms import ContentTerm, StyleTerm
from impasto.objective.tiled import TiledObjective
from impasto.objective.tiles import plan_tiles, tiled_summaries, whole_tile


def squares(image, layers):
    """Features by a plain function; it returns one layer more than requested."""
    return {name: torch.cat([image, image.square()], 1) for name in [*layers, "extra"]}


class BoxFilters:
    """A feature extractor of its own: a box filter, and one after a pooling."""

    layers = ("conv1_1", "pool1", "conv2_1")
    has_geometry = True

    def __call__(self, image, layers):
        one = torch.nn.functional.avg_pool2d(image, 3, 1, 1, count_include_pad=False)
        pooled = torch.nn.functional.avg_pool2d(one, 2)
        two = torch.nn.functional.avg_pool2d(pooled, 3, 1, 1, count_include_pad=False)
        features = {"conv1_1": one, "pool1": pooled, "conv2_1": two}
        return {name: features[name] for name in layers}

    def check_layers(self, layers):
        return frozenset(layers)

    def minimum_side(self, layers):
        return 4

    def stride(self, layer):
        return 1 if layer == "conv1_1" else 2

    def halo(self, layers):
        return 3

    def bytes_per_pixel(self, layers):
        return 100.0

    def linear_readouts(self):
        return {}

    def state_dict(self):
        return {}

    def circular(self):
        raise OptionError("Not possible.")


def test_an_encoder_is_not_wrapped():
    encoder = random_encoder(Architecture((4,), (1,)))
    assert isinstance(encoder, FeatureExtractor)
    assert as_feature_extractor(encoder) is encoder
    boxes = BoxFilters()
    assert as_feature_extractor(boxes) is boxes


def test_a_function_is_wrapped_once():
    wrapped = as_feature_extractor(squares)
    assert isinstance(wrapped, FunctionEncoder)
    assert as_feature_extractor(wrapped) is wrapped
    image = smooth_picture(8, 6, seed=1)
    features = wrapped(image, ("colours",))
    assert features.keys() == {"colours"}
    assert torch.equal(features["colours"], squares(image, ["colours"])["colours"])


def test_a_function_has_no_geometry_and_no_weights():
    wrapped = as_feature_extractor(squares)
    assert not wrapped.has_geometry
    assert wrapped.check_layers(["any", "name"]) == {"any", "name"}
    assert (wrapped.minimum_side(["any"]), wrapped.stride("any"), wrapped.halo(["any"])) == (
        2,
        1,
        0,
    )
    assert wrapped.bytes_per_pixel(["any"]) == 0
    assert not wrapped.linear_readouts()
    assert not wrapped.state_dict()
    with pytest.raises(OptionError, match=r"needs an impasto\.Encoder, not a function"):
        wrapped.circular()


def test_a_function_must_return_every_layer():
    wrapped = as_feature_extractor(lambda image, layers: {"one": image})
    with pytest.raises(OptionError, match="returns no features of layer two"):
        wrapped(smooth_picture(8, 8, seed=1), ("one", "two"))


def test_summaries_of_a_function_are_those_of_its_features():
    image, statistic = smooth_picture(8, 6, seed=1), get_statistic("gram")
    summaries = tiled_summaries(
        as_feature_extractor(squares), image, ["colours"], statistic, [whole_tile((8, 6))]
    )
    expected = statistic.summary(squares(image, ["colours"])["colours"], None)
    assert torch.equal(summaries["colours"]["gram"], expected["gram"])


def test_another_class_with_a_geometry_works_in_tiles():
    boxes, layers = BoxFilters(), ("conv1_1", "conv2_1")
    image, content, style = (smooth_picture(40, 52, seed=seed) for seed in (1, 2, 3))
    objective = Objective(
        [StyleTerm(boxes(style, layers)), ContentTerm(boxes(content, ["conv2_1"]))], boxes
    )
    losses, gradient = objective.gradient(image)
    tiles = plan_tiles((40, 52), 16, stride=2, halo=boxes.halo(layers))
    assert len(tiles) > 4
    tiled_losses, tiled_gradient = TiledObjective(objective, boxes, tiles).gradient(image)
    assert tiled_losses == pytest.approx(losses, rel=1e-4)
    torch.testing.assert_close(tiled_gradient, gradient, rtol=1e-3, atol=1e-7)
