"""What both optimizers have in common."""

from __future__ import annotations

import io

import pytest
import torch
from torch import Tensor

from helpers.quadratic import Quadratic, noise, random_start
from impasto.errors import OptionError
from impasto.optim.interface import Gradient, Optimizer
from impasto.optim.optimizers import OPTIMIZERS, make_optimizer


def make(name: str, gradient: Gradient, image: Tensor) -> Optimizer:
    return make_optimizer(name, gradient, image, learning_rate=0.02, average=0.8)


@pytest.mark.parametrize("name", OPTIMIZERS)
def test_minimizes_a_quadratic(name):
    quadratic = Quadratic(0.1)
    optimizer = make(name, quadratic.gradient, random_start())
    losses = [sum(optimizer.step().values()) for _ in range(60)]
    assert losses[-1] < 0.02 * losses[0]
    assert quadratic.loss(optimizer.image) < 0.02 * losses[0]


@pytest.mark.parametrize("name", OPTIMIZERS)
def test_minimizes_a_style_transfer_objective(name, painting_objective):
    optimizer = make(name, painting_objective.gradient, noise())
    losses = [sum(optimizer.step().values()) for _ in range(30)]
    assert losses[-1] < 0.3 * losses[0]
    assert sum(painting_objective.gradient(optimizer.image)[0].values()) < 0.3 * losses[0]


@pytest.mark.parametrize("name", OPTIMIZERS)
def test_pixels_stay_in_the_box(name):
    quadratic = Quadratic(3.0)
    optimizer = make(name, quadratic.gradient, random_start() * 1.4 - 0.2)
    for _ in range(40):
        optimizer.step()
        assert optimizer.image.min() >= 0
        assert optimizer.image.max() <= 1
    assert all(image.min() >= 0 and image.max() <= 1 for image in quadratic.evaluated)
    assert ((optimizer.pixels == 0) | (optimizer.pixels == 1)).float().mean() > 0.3


@pytest.mark.parametrize("name", OPTIMIZERS)
def test_start_is_not_modified(name):
    image = random_start()
    make(name, Quadratic(1.0).gradient, image).step()
    assert torch.equal(image, random_start())


@pytest.mark.parametrize("name", OPTIMIZERS)
@pytest.mark.parametrize("before", [0, 1, 7, 13])
def test_state_dict_resumes_bit_for_bit(name, before, painting_objective):
    whole, first, second = (make(name, painting_objective.gradient, noise()) for _ in range(3))
    losses = [whole.step() for _ in range(16)]
    for _ in range(before):
        first.step()
    file = io.BytesIO()
    torch.save(first.state_dict(), file)
    first.step()
    file.seek(0)
    second.load_state_dict(torch.load(file, weights_only=True))
    assert [second.step() for _ in range(16 - before)] == losses[before:]
    assert torch.equal(second.image, whole.image)
    assert torch.equal(second.pixels, whole.pixels)


def test_unknown_optimizer_is_an_error():
    with pytest.raises(OptionError, match="Unknown optimizer 'adams': choose one of lbfgs, adam"):
        make("adams", Quadratic(1.0).gradient, random_start())
