"""The emulated device itself: it works in any order of tests, and the others do not see it."""

from __future__ import annotations

import pytest
import torch

from helpers.emulated_device import NAME, AwayTensor, emulated
from impasto.errors import OptionError
from impasto.runtime.devices import find_device


def gradient(device: str) -> torch.Tensor:
    x = torch.arange(3.0).to(device).requires_grad_(True)
    x.square().sum().backward()
    assert x.grad is not None
    return x.grad


def test_gradients_after_those_of_the_cpu():
    expected = gradient("cpu")
    with emulated():
        found = gradient(NAME)
        assert isinstance(found, AwayTensor)
        assert torch.equal(found.cpu(), expected)
    assert torch.equal(gradient("cpu"), expected)


def test_it_is_not_available_to_other_tests():
    before = find_device(), torch.get_default_device(), torch.zeros(1).is_pinned()
    with emulated():
        assert find_device(NAME) == torch.device(NAME, 0)
        assert find_device() == before[0]  # only by name
    assert (find_device(), torch.get_default_device(), torch.zeros(1).is_pinned()) == before
    assert not torch.accelerator.is_available()
    assert torch.accelerator.device_count() == 0
    assert torch.accelerator.current_accelerator(check_available=True) is None
    with pytest.raises(OptionError, match="sees no such device"):
        find_device(NAME)
