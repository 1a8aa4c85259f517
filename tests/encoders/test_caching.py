"""The caching encoder gives the features of the encoder that it wraps."""

import torch

from helpers.random_inputs import random_encoder, smooth_picture
from helpers.tiny_networks import ENCODER
from impasto.encoders.caching import CachingEncoder


def test_a_caching_encoder_gives_the_same_features():
    encoder = random_encoder(ENCODER)
    caching = CachingEncoder(encoder, capacity=2)
    pictures = [smooth_picture(32, 32, seed=seed) for seed in range(3)]
    layers = ["relu1_1", "relu3_1"]
    for picture in pictures:
        for name, feature in caching(picture, layers).items():
            assert torch.equal(feature, encoder(picture, layers)[name])
    again = caching(pictures[2].clone(), layers)["relu1_1"]
    assert again.data_ptr() == caching(pictures[2], layers)["relu1_1"].data_ptr()
    moving = pictures[2].clone().requires_grad_()
    assert caching(moving, layers)["relu1_1"].requires_grad
    changed = pictures[2] + 0.01
    assert not torch.equal(caching(changed, layers)["relu1_1"], again)


def test_readouts_are_those_of_the_encoder(sample):
    """So that a term reads the same layers, and a loss is the same to the bit."""
    _, _, encoder = sample
    readouts = CachingEncoder(encoder).linear_readouts()
    assert readouts
    assert list(readouts) == list(encoder.linear_readouts())
    for name, parts in encoder.linear_readouts().items():
        assert all(map(torch.equal, readouts[name], parts))
