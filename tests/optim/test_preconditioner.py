"""The preconditioner: a symmetric map with the covariance of photographs."""

from __future__ import annotations

import math

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from helpers.random_inputs import smooth_picture
from impasto.optim.lbfgs import LBFGS
from impasto.optim.preconditioner import Preconditioner


def noise(height: int, width: int, seed: int = 0) -> torch.Tensor:
    return torch.randn(1, 3, height, width, generator=torch.Generator().manual_seed(seed))


@settings(deadline=None)  # the first call imports the transforms
@given(st.integers(2, 19), st.integers(2, 19), st.floats(0, 1))
def test_map_is_its_own_transpose(height, width, power):
    preconditioner = Preconditioner((height, width), power)
    x, y = noise(height, width), noise(height, width, seed=1)
    torch.testing.assert_close(
        (preconditioner(x) * y).sum(), (x * preconditioner(y)).sum(), atol=1e-3, rtol=1e-4
    )


@settings(deadline=None)
@given(st.integers(2, 19), st.integers(2, 19), st.floats(0, 1))
def test_pull_back_is_the_transpose(height, width, power):
    """⟨M w, y⟩ = ⟨w, Mᵀ y⟩."""
    preconditioner = Preconditioner((height, width), power)
    w, y = noise(height, width), noise(height, width, seed=1)
    torch.testing.assert_close(
        (preconditioner.to_pixels(w) * y).sum(),
        (w * preconditioner.pull_back(y)).sum(),
        atol=1e-3,
        rtol=1e-4,
    )


def test_coefficients_give_the_same_descent_as_noise():
    """M Mᵀ is the same whether the parameters are the noise or its coefficients."""
    preconditioner = Preconditioner((12, 17), 0.5)
    y = noise(12, 17)
    torch.testing.assert_close(
        preconditioner.to_pixels(preconditioner.pull_back(y)), preconditioner(preconditioner(y))
    )
    before = y.clone()
    preconditioner.to_pixels(y)
    preconditioner.pull_back(y)
    assert torch.equal(y, before)


def test_power_zero_is_the_identity():
    x = noise(9, 14)
    plain = Preconditioner((9, 14), 0.0)
    assert plain(x) is plain.to_pixels(x) is plain.pull_back(x) is x


@pytest.mark.parametrize("power", [0.3, 0.5, 1.0])
def test_energy_of_white_noise_is_preserved(power):
    preconditioner = Preconditioner((50, 40), power)
    energies = [float(preconditioner(noise(50, 40, seed)).square().mean()) for seed in range(60)]
    assert sum(energies) / 60 == pytest.approx(1, rel=0.1)


def test_frequencies_are_scaled_by_their_power():
    """A cosine in lightness is scaled in proportion to f^-power."""
    size = (64, 64)
    position = (torch.arange(64) + 0.5) / 64
    preconditioner = Preconditioner(size, 0.5)
    gains = {}
    for periods in (4, 16):
        wave = torch.cos(math.pi * periods * position).expand(1, 3, 64, 64).contiguous()
        grey = preconditioner(wave).mean(1)
        gains[periods] = float((grey * wave[:, 0]).sum() / wave[:, 0].square().sum())
        torch.testing.assert_close(grey, gains[periods] * wave[:, 0], atol=1e-4, rtol=1e-3)
    assert gains[4] / gains[16] == pytest.approx(4**0.5, rel=1e-4)


def test_colour_is_scaled_less_than_lightness():
    preconditioner = Preconditioner((32, 32), 0.5)
    lightness = torch.ones(1, 3, 32, 32)
    colour = torch.tensor([1.0, 0.0, -1.0]).view(1, 3, 1, 1).expand(1, 3, 32, 32)
    ratio = float(
        preconditioner(lightness).norm()
        / lightness.norm()
        * colour.norm()
        / preconditioner(colour).norm()
    )
    assert 1.7 < ratio < 2.2  # (0.379 / 0.100)^½, the deviations of the two in photographs


def test_opposite_borders_are_independent():
    x = torch.zeros(1, 3, 64, 64)
    x[..., :2] = 1
    preconditioner = Preconditioner((64, 64), 0.5)(x)[0, 0].mean(0)
    assert preconditioner[-1].abs() < 0.1 * preconditioner[3].abs()


def test_the_optimum_is_the_same():
    target = 0.2 + 0.6 * smooth_picture(24, 31, seed=3)

    def gradient(image):
        difference = image - target
        return {"loss": float(difference.square().sum())}, 2 * difference

    for power in (0.0, 0.5):
        optimizer = LBFGS(
            gradient,
            torch.full_like(target, 0.5),
            preconditioner=Preconditioner((24, 31), power),
        )
        for _ in range(40):
            optimizer.step()
        torch.testing.assert_close(optimizer.image, target, atol=2e-3, rtol=0)
