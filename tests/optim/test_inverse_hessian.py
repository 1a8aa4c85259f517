"""The inverse Hessian of L-BFGS, against the matrices of its definition."""

from __future__ import annotations

import itertools

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from torch import Tensor

from helpers.random_inputs import smooth_picture
from impasto.optim.inverse_hessian import InverseHessian, octaves
from impasto.optim.lbfgs import LBFGS
from impasto.optim.preconditioner import Preconditioner

SHAPE = (1, 3, 6, 7)
SIZE = 3 * 6 * 7


def noise(seed: int) -> Tensor:
    return torch.randn(SHAPE, generator=torch.Generator().manual_seed(seed))


def hessian(seed: int = 0) -> Tensor:
    """Symmetric, positive definite."""
    root = torch.randn(SIZE, SIZE, generator=torch.Generator().manual_seed(seed)).double()
    return root @ root.T / SIZE + 0.1 * torch.eye(SIZE)


def steps(matrix: Tensor, count: int) -> list[tuple[Tensor, Tensor]]:
    points = [noise(index) for index in range(count)]
    return [(x, (matrix @ x.flatten().double()).float().view(SHAPE)) for x in points]


def inverse(pairs: list[tuple[Tensor, Tensor]], guess: Tensor) -> Tensor:
    """BFGS's inverse as it is defined (Nocedal & Wright 2006, equation 6.17), from ``guess``."""
    for step, change in pairs:
        s, y = step.flatten().double(), change.flatten().double()
        rest = torch.eye(SIZE).double() - torch.outer(s, y) / (s @ y)
        guess = rest @ guess @ rest.T + torch.outer(s, s) / (s @ y)
    return guess


def guess_by_octaves(pairs: list[tuple[Tensor, Tensor]], factor: float = 1.0) -> Tensor:
    """The diagonal, from the last five pairs."""
    diagonal = torch.zeros(SHAPE).double()
    rows, columns = torch.meshgrid(torch.arange(6), torch.arange(7), indexing="ij")
    # 6×7 is halved to 3×3 and to 1×1.
    inner = [(rows < h) & (columns < w) for h, w in ((6, 7), (3, 3), (1, 1), (0, 0))]
    for outer, hole in itertools.pairwise(inner):
        ring = outer & ~hole
        energies = [
            sum(float(p[k][..., ring].double().square().sum()) for p in pairs[-5:]) for k in (0, 1)
        ]
        diagonal[..., ring] = factor * (energies[0] / energies[1]) ** 0.5
    return torch.diag(diagonal.flatten())


@pytest.mark.parametrize("count", [1, 4, 9])
@pytest.mark.parametrize("by_octaves", [False, True])
def test_recursion_equals_the_matrix(count, by_octaves):
    pairs = steps(hessian(), count)
    inverse_hessian = InverseHessian(10, by_octaves=by_octaves)
    for pair in pairs:
        inverse_hessian.add(*pair)
    assert len(inverse_hessian) == count
    step, change = (x.flatten().double() for x in pairs[-1])
    one = (step @ change) / (change @ change) * torch.eye(SIZE).double()
    guess = guess_by_octaves(pairs) if by_octaves else one
    expected = -inverse(pairs, guess) @ noise(99).flatten().double()
    got = inverse_hessian.direction(noise(99)).flatten().double()
    torch.testing.assert_close(got, expected, rtol=1e-3, atol=1e-4 * float(expected.abs().max()))


def test_no_pairs_give_steepest_descent():
    inverse_hessian = InverseHessian(10, by_octaves=True)
    gradient = noise(1)
    assert torch.equal(inverse_hessian.direction(gradient), -gradient)
    assert torch.equal(gradient, noise(1))


def test_only_the_last_pairs_are_kept():
    pairs = steps(hessian(), 7)
    inverse_hessian, fewer = InverseHessian(3, by_octaves=True), InverseHessian(3, by_octaves=True)
    for pair in pairs:
        inverse_hessian.add(*pair)
    for pair in pairs[-3:]:
        fewer.add(*pair)
    assert len(inverse_hessian) == 3
    assert torch.equal(inverse_hessian.direction(noise(9)), fewer.direction(noise(9)))


def test_pairs_without_positive_curvature_are_not_added():
    inverse_hessian = InverseHessian(3, by_octaves=True)
    inverse_hessian.add(noise(1), -noise(1))
    inverse_hessian.add(noise(1), torch.zeros(SHAPE))
    assert len(inverse_hessian) == 0


def test_empty_octave_gets_the_guess_of_the_others():
    """An octave empty in both vectors, in the gradient change only, and in the step only."""
    for empty in ((0, 1), (1,), (0,)):
        pair = [noise(1), noise(1)]
        for index in empty:
            for part in octaves(pair[index])[0]:
                part.zero_()
        inverse_hessian = InverseHessian(3, by_octaves=True)
        inverse_hessian.add(pair[0], pair[1])
        direction = inverse_hessian.direction(noise(2))
        assert direction.isfinite().all()
        ratio = direction / -noise(2)
        assert 0.01 < ratio[..., -1, :].abs().median() < 25


def test_guess_shrinks_after_backtracking_and_recovers():
    inverse_hessian = InverseHessian(3, by_octaves=True)
    inverse_hessian.add(noise(1), noise(1))
    across = noise(2) - noise(1) * (noise(1) * noise(2)).sum() / noise(1).square().sum()

    def length() -> float:
        return float(inverse_hessian.direction(across).norm())

    largest = length()
    inverse_hessian.adapt(backtracked=True)
    assert length() < 0.75 * largest
    for _ in range(30):
        inverse_hessian.adapt(backtracked=True)
    assert 0.1 * largest < length()
    for _ in range(60):
        inverse_hessian.adapt(backtracked=False)
    assert length() == pytest.approx(largest)


def test_state_dict_restores_the_direction():
    inverse_hessian, other = InverseHessian(4, by_octaves=True), InverseHessian(4, by_octaves=True)
    for pair in steps(hessian(), 6):
        inverse_hessian.add(*pair)
    inverse_hessian.adapt(backtracked=True)
    other.load_state_dict(inverse_hessian.state_dict())
    assert torch.equal(inverse_hessian.direction(noise(9)), other.direction(noise(9)))
    inverse_hessian.clear()
    assert len(inverse_hessian) == 0
    assert len(other) == 4


@given(st.integers(1, 40), st.integers(1, 40))
def test_octaves_cover_every_coefficient_once(height, width):
    coefficients = torch.zeros(1, 3, height, width)
    for octave in octaves(coefficients):
        for part in octave:
            part += 1
    assert torch.equal(coefficients, torch.ones(1, 3, height, width))


def test_octaves_need_fewer_evaluations():
    """An objective that is curved differently along high and low frequencies."""
    target, start = 0.3 + 0.4 * smooth_picture(48, 40, seed=3), torch.full((1, 3, 48, 40), 0.5)
    target = target + 0.05 * torch.randn(target.shape, generator=torch.Generator().manual_seed(1))
    curved = Preconditioner((48, 40), 1.0)

    def evaluations(by_octaves: bool) -> int:
        losses: list[float] = []

        def gradient(image: Tensor) -> tuple[dict[str, float], Tensor]:
            error = curved(image - target)
            losses.append(float(error.square().sum()) / 2)
            return {"loss": losses[-1]}, curved(error)

        optimizer = LBFGS(gradient, start, preconditioner=Preconditioner((48, 40), 0.5))
        optimizer._inverse_hessian = InverseHessian(10, by_octaves=by_octaves)
        while len(losses) < 200:
            if sum(optimizer.step().values()) < 1e-3 * losses[0]:
                break
        return len(losses)

    assert evaluations(True) < 0.8 * evaluations(False)
