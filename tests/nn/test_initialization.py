"""Weights of a module: those of the global seed, without a change to the global generator."""

from __future__ import annotations

import torch
from torch import nn

from impasto.nn.initialization import OwnGenerator


def test_weights_are_those_of_the_seed_and_the_global_generator_is_left_alone() -> None:
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(5)
        expected = nn.Conv2d(3, 4, 3), nn.Linear(4, 2)
        torch.manual_seed(5)
        before = torch.get_rng_state()
        with OwnGenerator():
            made = nn.Conv2d(3, 4, 3), nn.Linear(4, 2)
        assert torch.equal(torch.get_rng_state(), before)
    for one, other in zip(expected, made, strict=True):
        assert torch.equal(one.weight, other.weight)
        assert torch.equal(one.bias, other.bias)


def test_modules_without_memory_can_be_made() -> None:
    with torch.device("meta"), OwnGenerator():
        assert nn.Linear(4, 2).weight.device.type == "meta"
