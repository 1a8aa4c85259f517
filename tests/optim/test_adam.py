"""Adam, against its algorithm written out by hand."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest
import torch

from helpers.quadratic import SHAPE, Quadratic, random_start
from impasto.optim.adam import Adam


def adam_by_hand(
    slope: Callable[[np.ndarray], np.ndarray], x: np.ndarray, steps: int, rate: float, decay: float
) -> tuple[np.ndarray, np.ndarray]:
    """Algorithm 1 of Kingma & Ba with clipping: the last iterate and the average."""
    x, first, second = x.copy(), np.zeros_like(x), np.zeros_like(x)
    iterates = []
    for step in range(1, steps + 1):
        gradient = slope(x)
        for i, g in enumerate(gradient):
            first[i] = 0.9 * first[i] + 0.1 * g
            second[i] = 0.99 * second[i] + 0.01 * g * g
            first_unbiased = first[i] / (1 - 0.9**step)
            second_unbiased = second[i] / (1 - 0.99**step)
            x[i] = min(1.0, max(0.0, x[i] - rate * first_unbiased / (second_unbiased**0.5 + 1e-8)))
        iterates.append(x.copy())
    shares = np.array([(1 - decay) * decay ** (steps - k) for k in range(1, steps + 1)])
    return x, np.einsum("k,ki->i", shares / (1 - decay**steps), np.array(iterates))


@pytest.mark.parametrize(("dtype", "tolerance"), [(torch.float64, 1e-12), (torch.float32, 2e-5)])
@pytest.mark.parametrize("steps", [1, 2, 30])
def test_steps_equal_the_algorithm_of_the_paper(dtype, tolerance, steps):
    quadratic = Quadratic(1.0)
    optimizer = Adam(quadratic.gradient, random_start().to(dtype), learning_rate=0.05, average=0.8)
    losses = [sum(optimizer.step().values()) for _ in range(steps)]
    last, average = adam_by_hand(
        lambda x: quadratic.value(torch.from_numpy(x))[1].numpy(),
        random_start().double().flatten().numpy(), steps, 0.05, 0.8,
    )  # fmt: skip
    np.testing.assert_allclose(optimizer.pixels.flatten().numpy(), last, atol=tolerance)
    np.testing.assert_allclose(optimizer.image.flatten().numpy(), average, atol=tolerance)
    assert losses[0] == pytest.approx(quadratic.loss(random_start()), 1e-6)


def test_image_is_the_last_iterate_without_an_average():
    optimizer = Adam(Quadratic(1.0).gradient, random_start())
    optimizer.step()
    assert torch.equal(optimizer.image, optimizer.pixels)
    assert not torch.equal(optimizer.image, random_start())


def test_restart_halves_the_learning_rate_and_clears_the_moments():
    quadratic = Quadratic(0.1)
    optimizer = Adam(quadratic.gradient, random_start(), learning_rate=0.02, average=0.9)
    for _ in range(5):
        optimizer.step()
    middle = torch.full(SHAPE, 0.5)
    optimizer.restart(middle)
    assert torch.equal(optimizer.image, middle)
    optimizer.step()
    # Without moments the first step is the learning rate, whatever the gradient.
    torch.testing.assert_close(
        (optimizer.pixels - middle).abs(), torch.full(SHAPE, 0.01), rtol=1e-3, atol=0
    )
    torch.testing.assert_close(optimizer.image, optimizer.pixels)


def test_moments_are_transferred_to_another_size():
    small = Adam(Quadratic(1.0).gradient, random_start())
    for _ in range(7):
        small.step()
    state = small.state_dict()
    state["adam"]["state"][0]["exp_avg"] = torch.arange(7.0).expand(SHAPE)
    small.load_state_dict(state)
    large = Adam(lambda image: ({"none": 0.0}, torch.zeros_like(image)), torch.zeros(1, 3, 12, 14))
    small.transfer_moments(large)
    (before,), (after,) = (o.state_dict()["adam"]["state"].values() for o in (small, large))
    assert float(after["step"]) == float(before["step"]) == 7
    assert after["step"] is not before["step"]
    # Linear between the centres of pixels, constant beyond the outermost.
    linear = (torch.arange(14) / 2 - 0.25).clamp(0, 6)
    torch.testing.assert_close(after["exp_avg"], linear.expand(1, 3, 12, 14))
    low, high = before["exp_avg_sq"].aminmax()
    assert after["exp_avg_sq"].shape == (1, 3, 12, 14)
    assert low <= after["exp_avg_sq"].min() <= after["exp_avg_sq"].max() <= high
    large.step()
    assert float(large.state_dict()["adam"]["state"][0]["step"]) == 8


def test_no_moments_are_transferred_before_the_first_step():
    small, large = (Adam(Quadratic(1.0).gradient, random_start()) for _ in range(2))
    small.transfer_moments(large)
    assert large.state_dict()["adam"]["state"] == {}
