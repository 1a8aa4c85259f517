"""L-BFGS, against SciPy and closed forms: what it reaches, and in what units."""

from __future__ import annotations

import itertools

import numpy as np
import pytest
import torch
from scipy.optimize import minimize
from torch import Tensor

from helpers.quadratic import SHAPE, SIZE, Quadratic, noise, random_start
from impasto.optim.interface import Gradient
from impasto.optim.lbfgs import LBFGS


def test_losses_are_those_of_the_final_picture():
    quadratic = Quadratic(0.5)
    optimizer = LBFGS(quadratic.gradient, random_start())
    for _ in range(10):
        assert sum(optimizer.step().values()) == pytest.approx(
            quadratic.loss(optimizer.image), 1e-6
        )


def test_solves_a_separable_problem_in_the_box():
    target = 0.5 + torch.randn(SHAPE, generator=torch.Generator().manual_seed(1))
    gains = torch.linspace(0.2, 2, target.numel()).view(SHAPE)

    def gradient(image: Tensor) -> tuple[dict[str, float], Tensor]:
        error = image - target
        return {"loss": float((gains * error.square()).sum() / 2)}, gains * error

    optimizer = LBFGS(gradient, random_start())
    for _ in range(120):
        optimizer.step()
    best, first, last = (
        gradient(image)[0]["loss"]
        for image in (target.clamp(0, 1), random_start(), optimizer.image)
    )
    assert -1e-4 <= last - best <= 3e-3 * (first - best)
    assert (optimizer.image - target.clamp(0, 1)).abs().mean() < 0.02


def test_solves_a_coupled_problem_in_the_box():
    quadratic = Quadratic(0.6)
    oracle = minimize(
        lambda x: tuple(np.asarray(part) for part in quadratic.value(torch.from_numpy(x))),
        random_start().double().flatten().numpy(),
        jac=True,
        method="L-BFGS-B",
        bounds=[(0, 1)] * SIZE,
        options={"ftol": 1e-14, "gtol": 1e-9},
    )
    assert np.isin(oracle.x, (0, 1)).mean() > 0.2
    optimizer = LBFGS(quadratic.gradient, random_start())
    for _ in range(150):
        optimizer.step()
    gap = quadratic.loss(optimizer.image) - oracle.fun
    assert -1e-6 <= gap <= 3e-3 * (quadratic.loss(random_start()) - oracle.fun)
    assert abs(optimizer.image.flatten().numpy() - oracle.x).mean() < 0.01


def scaled(gradient: Gradient, factor: float) -> Gradient:
    def product(image: Tensor) -> tuple[dict[str, float], Tensor]:
        losses, slope = gradient(image)
        return {name: factor * value for name, value in losses.items()}, factor * slope

    return product


def trajectory(gradient: Gradient, image: Tensor, steps: int) -> Tensor:
    optimizer = LBFGS(gradient, image)
    pictures = []
    for _ in range(steps):
        optimizer.step()
        pictures.append(optimizer.image)
    return torch.cat(pictures)


@pytest.mark.parametrize("factor", [1e4, 1e-4, 1e-8])
@pytest.mark.parametrize("spread", [0.1, 0.8])
def test_path_is_independent_of_the_units(factor, spread):
    paths = [
        trajectory(Quadratic(spread, factor=f).gradient, random_start(), 20) for f in (1, factor)
    ]
    torch.testing.assert_close(paths[1], paths[0], atol=2e-5, rtol=0)
    assert (paths[0][-1] - random_start()).abs().mean() > 0.05


@pytest.mark.parametrize("factor", [1e4, 1e-4, 1e-8])
def test_painting_is_independent_of_the_units(factor, painting_objective):
    paths = [trajectory(scaled(painting_objective.gradient, f), noise(), 12) for f in (1, factor)]
    torch.testing.assert_close(paths[1], paths[0], atol=1e-3, rtol=0)
    assert (paths[0][-1] - noise()).abs().mean() > 0.05


def test_no_picture_is_evaluated_twice_in_a_row(painting_objective):
    evaluated: list[Tensor] = []

    def gradient(image: Tensor) -> tuple[dict[str, float], Tensor]:
        evaluated.append(image.clone())
        return painting_objective.gradient(image)

    optimizer = LBFGS(gradient, noise())
    for _ in range(40):
        optimizer.step()
    assert not any(torch.equal(a, b) for a, b in itertools.pairwise(evaluated))
    assert 41 <= len(evaluated) <= 60


@pytest.mark.parametrize("factor", [1e6, 1e-6])
def test_first_trial_moves_pixels_by_first_move(factor):
    quadratic = Quadratic(0.3, factor=factor)
    image = 0.3 + 0.4 * random_start()
    optimizer = LBFGS(quadratic.gradient, image, first_move=0.01)
    optimizer.step()
    moves = [(quadratic.evaluated[1] - quadratic.evaluated[0]).abs().mean()]
    optimizer.restart(image)
    count = len(quadratic.evaluated)
    optimizer.step()
    moves.append((quadratic.evaluated[count + 1] - image).abs().mean())
    torch.testing.assert_close(torch.stack(moves), torch.tensor([0.01, 0.005]), rtol=1e-3, atol=0)


def test_perfect_start_is_kept():
    """Content alone, started at the content."""
    quadratic = Quadratic(0.1)
    quadratic.target = random_start().flatten().double()
    optimizer = LBFGS(quadratic.gradient, random_start())
    assert max(sum(optimizer.step().values()) for _ in range(5)) < 1e-12
    torch.testing.assert_close(optimizer.image, random_start(), atol=1e-6, rtol=0)


@pytest.mark.parametrize("least", [0.0, 1e-25, 1e-15])
@pytest.mark.parametrize("size", [1e-7, 1e-10, 1e-13])
def test_loss_that_is_only_rounding_is_survived(least, size):
    """A perfect start whose gradient is noise, with a loss 10¹² times as steep around it."""
    gradient_noise = size / SIZE * torch.randn(SHAPE, generator=torch.Generator().manual_seed(1))

    def gradient(image: Tensor) -> tuple[dict[str, float], Tensor]:
        assert image.isfinite().all()
        away = image - random_start()
        if away.abs().max() < 1e-6:
            return {"loss": least}, gradient_noise
        return {"loss": 100 * float(away.square().mean()) + least}, 200 * away / SIZE

    optimizer = LBFGS(gradient, random_start())
    for _ in range(5):
        assert optimizer.step()["loss"] == least
    torch.testing.assert_close(optimizer.image, random_start(), atol=1e-6, rtol=0)


def test_state_dict_restores_convergence():
    quadratic = Quadratic(0.0)
    optimizer, other = (LBFGS(quadratic.gradient, torch.full(SHAPE, 0.5)) for _ in range(2))
    optimizer.step()
    other.load_state_dict(optimizer.state_dict())
    assert optimizer.converged
    assert other.converged
    other.restart(random_start())
    assert not other.converged
