"""What several test files paint with: a tiny encoder, and smooth random pictures."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
import torch
import torch.nn.functional as F
from hypothesis import settings
from torch import Tensor, nn

from impasto.encoders import Architecture, Encoder
from impasto.images import Picture

# Other work may share the machine: how long an example takes tells nothing.
settings.register_profile("impasto", deadline=None)
settings.load_profile("impasto")


@pytest.fixture(autouse=True, scope="session")
def one_thread() -> Iterator[None]:
    """Tensors this small are slower on many threads, above all beside other test processes."""
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(before)


def random_encoder(architecture: Architecture, seed: int = 0) -> Encoder:
    """An encoder with He-initialised weights; the same for the same seed."""
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        encoder = Encoder(architecture)
        for module in encoder.convolutions.values():
            assert isinstance(module, nn.Conv2d)
            nn.init.kaiming_normal_(module.weight, nonlinearity="relu")
            nn.init.zeros_(module.bias)
    return encoder.frozen()


def smooth_picture(height: int, width: int, seed: int) -> Tensor:
    """(1, 3, H, W) in [0, 1]: coarse noise, enlarged, with a little fine noise on it."""
    random = torch.Generator().manual_seed(seed)
    coarse = torch.rand(1, 3, 5, 6, generator=random)
    fine = torch.rand(1, 3, height, width, generator=random)
    large = F.interpolate(coarse, (height, width), mode="bicubic")
    return (0.9 * large + 0.1 * fine).clamp(0, 1)


@pytest.fixture(scope="session")
def encoder() -> Encoder:
    """Five blocks of one convolution: conv1_1 … conv5_1, a few channels each."""
    architecture = Architecture((4, 6, 8, 8, 8), (1, 1, 1, 1, 1), padding="reflect")
    return random_encoder(architecture)


@pytest.fixture(scope="session")
def content() -> Picture:
    return Picture(smooth_picture(64, 96, seed=1))


@pytest.fixture(scope="session")
def style() -> Picture:
    return Picture(smooth_picture(80, 72, seed=2))


@pytest.fixture(scope="session")
def other_style() -> Picture:
    return Picture(smooth_picture(64, 64, seed=3))
