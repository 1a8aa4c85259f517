"""The preconditioner: a symmetric map that favours what photographs are made of."""

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


@settings(deadline=None)  # the first call loads the transforms
@given(st.integers(2, 19), st.integers(2, 19), st.floats(0, 1))
def test_it_is_its_own_transpose(height, width, power):
    mapped = Preconditioner((height, width), power)
    x, y = noise(height, width), noise(height, width, seed=1)
    torch.testing.assert_close((mapped(x) * y).sum(), (x * mapped(y)).sum(), atol=1e-3, rtol=1e-4)


@settings(deadline=None)
@given(st.integers(2, 19), st.integers(2, 19), st.floats(0, 1))
def test_slopes_are_those_of_the_waves(height, width, power):
    """⟨M w, y⟩ = ⟨w, Mᵀ y⟩: what is moved, and what the picture's gradient is turned into."""
    mapped = Preconditioner((height, width), power)
    w, y = noise(height, width), noise(height, width, seed=1)
    torch.testing.assert_close(
        (mapped.picture(w) * y).sum(), (w * mapped.slope(y)).sum(), atol=1e-3, rtol=1e-4
    )


def test_waves_are_another_orthogonal_view_of_the_noise():
    """M Mᵀ is the same whether noise or its waves are moved: the same descent."""
    mapped = Preconditioner((12, 17), 0.5)
    y = noise(12, 17)
    torch.testing.assert_close(mapped.picture(mapped.slope(y)), mapped(mapped(y)))
    before = y.clone()
    mapped.picture(y)
    mapped.slope(y)
    assert torch.equal(y, before)


def test_power_zero_changes_nothing():
    x = noise(9, 14)
    plain = Preconditioner((9, 14), 0.0)
    assert plain(x) is plain.picture(x) is plain.slope(x) is x


@pytest.mark.parametrize("power", [0.3, 0.5, 1.0])
def test_white_noise_keeps_its_energy(power):
    mapped = Preconditioner((50, 40), power)
    energies = [float(mapped(noise(50, 40, seed)).square().mean()) for seed in range(60)]
    assert sum(energies) / 60 == pytest.approx(1, rel=0.1)


def test_frequencies_are_weighted_by_their_power():
    """A cosine in lightness comes out as itself, by f^-power larger or smaller than another."""
    size = (64, 64)
    at = (torch.arange(64) + 0.5) / 64
    half = Preconditioner(size, 0.5)
    gains = {}
    for periods in (4, 16):
        wave = torch.cos(math.pi * periods * at).expand(1, 3, 64, 64).contiguous()
        grey = half(wave).mean(1)
        gains[periods] = float((grey * wave[:, 0]).sum() / wave[:, 0].square().sum())
        torch.testing.assert_close(grey, gains[periods] * wave[:, 0], atol=1e-4, rtol=1e-3)
    assert gains[4] / gains[16] == pytest.approx(4**0.5, rel=1e-4)


def test_colours_move_less_than_lightness():
    half = Preconditioner((32, 32), 0.5)
    lightness = torch.ones(1, 3, 32, 32)
    colour = torch.tensor([1.0, 0.0, -1.0]).view(1, 3, 1, 1).expand(1, 3, 32, 32)
    ratio = float(half(lightness).norm() / lightness.norm() * colour.norm() / half(colour).norm())
    assert 1.7 < ratio < 2.2  # (0.379 / 0.100)^½, the deviations of the two in photographs


def test_borders_do_not_know_of_each_other():
    x = torch.zeros(1, 3, 64, 64)
    x[..., :2] = 1
    mapped = Preconditioner((64, 64), 0.5)(x)[0, 0].mean(0)
    assert mapped[-1].abs() < 0.1 * mapped[3].abs()


def test_the_goal_is_the_same():
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
