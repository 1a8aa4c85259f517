"""The curvature that L-BFGS has learnt, against the matrices of its definition."""

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
    places = [noise(index) for index in range(count)]
    return [(x, (matrix @ x.flatten().double()).float().view(SHAPE)) for x in places]


def inverse(pairs: list[tuple[Tensor, Tensor]], guess: Tensor) -> Tensor:
    """BFGS's inverse as it is defined (Nocedal & Wright 2006, equation 6.17), from ``guess``."""
    for place, slope in pairs:
        s, y = place.flatten().double(), slope.flatten().double()
        rest = torch.eye(SIZE).double() - torch.outer(s, y) / (s @ y)
        guess = rest @ guess @ rest.T + torch.outer(s, s) / (s @ y)
    return guess


def octave_guess(pairs: list[tuple[Tensor, Tensor]], boldness: float = 0.8) -> Tensor:
    """The diagonal, from the last five pairs."""
    diagonal = torch.zeros(SHAPE).double()
    rows, columns = torch.meshgrid(torch.arange(6), torch.arange(7), indexing="ij")
    # 6×7 is halved to 3×3 and to 1×1.
    inner = [(rows < h) & (columns < w) for h, w in ((6, 7), (3, 3), (1, 1), (0, 0))]
    for outer, hole in itertools.pairwise(inner):
        ring = outer & ~hole
        far = [
            sum(float(p[k][..., ring].double().square().sum()) for p in pairs[-5:]) for k in (0, 1)
        ]
        diagonal[..., ring] = boldness * (far[0] / far[1]) ** 0.5
    return torch.diag(diagonal.flatten())


@pytest.mark.parametrize("count", [1, 4, 9])
@pytest.mark.parametrize("by_octaves", [False, True])
def test_two_loops_are_the_matrix(count, by_octaves):
    pairs = steps(hessian(), count)
    curvature = InverseHessian(10, by_octaves=by_octaves)
    for pair in pairs:
        curvature.add(*pair)
    assert len(curvature) == count
    place, slope = (x.flatten().double() for x in pairs[-1])
    one = (place @ slope) / (slope @ slope) * torch.eye(SIZE).double()
    guess = octave_guess(pairs) if by_octaves else one
    wanted = -inverse(pairs, guess) @ noise(99).flatten().double()
    got = curvature.direction(noise(99)).flatten().double()
    torch.testing.assert_close(got, wanted, rtol=1e-3, atol=1e-4 * float(wanted.abs().max()))


def test_without_pairs_it_is_steepest_descent():
    curvature = InverseHessian(10, by_octaves=True)
    slope = noise(1)
    assert torch.equal(curvature.direction(slope), -slope)
    assert torch.equal(slope, noise(1))


def test_only_the_last_pairs_are_kept():
    pairs = steps(hessian(), 7)
    curvature, fewer = InverseHessian(3, by_octaves=True), InverseHessian(3, by_octaves=True)
    for pair in pairs:
        curvature.add(*pair)
    for pair in pairs[-3:]:
        fewer.add(*pair)
    assert len(curvature) == 3
    assert torch.equal(curvature.direction(noise(9)), fewer.direction(noise(9)))


def test_steps_without_curvature_are_not_learnt():
    curvature = InverseHessian(3, by_octaves=True)
    curvature.add(noise(1), -noise(1))
    curvature.add(noise(1), torch.zeros(SHAPE))
    assert len(curvature) == 0


def test_an_octave_of_nothing_is_guessed_as_the_others():
    """Where neither moved, where only the place did, and where only the slope did."""
    for quiet in ((0, 1), (1,), (0,)):
        pair = [noise(1), noise(1)]
        for which in quiet:
            for part in octaves(pair[which])[0]:
                part.zero_()
        curvature = InverseHessian(3, by_octaves=True)
        curvature.add(pair[0], pair[1])
        direction = curvature.direction(noise(2))
        assert direction.isfinite().all()
        ratio = direction / -noise(2)
        assert 0.01 < ratio[..., -1, :].abs().median() < 20


def test_it_is_shyer_after_turning_back_and_grows_bold_again():
    curvature = InverseHessian(3, by_octaves=True)
    curvature.add(noise(1), noise(1))
    across = noise(2) - noise(1) * (noise(1) * noise(2)).sum() / noise(1).square().sum()

    def length() -> float:
        return float(curvature.direction(across).norm())

    bold = length()
    curvature.learn_of_search(turned_back=True)
    assert length() < 0.75 * bold
    for _ in range(30):
        curvature.learn_of_search(turned_back=True)
    assert 0.1 * bold < length()
    for _ in range(60):
        curvature.learn_of_search(turned_back=False)
    assert length() == pytest.approx(bold)


def test_it_wakes_as_it_slept():
    curvature, other = InverseHessian(4, by_octaves=True), InverseHessian(4, by_octaves=True)
    for pair in steps(hessian(), 6):
        curvature.add(*pair)
    curvature.learn_of_search(turned_back=True)
    other.load_state_dict(curvature.state_dict())
    assert torch.equal(curvature.direction(noise(9)), other.direction(noise(9)))
    curvature.clear()
    assert len(curvature) == 0
    assert len(other) == 4


@given(st.integers(1, 40), st.integers(1, 40))
def test_octaves_cover_all_waves_once(height, width):
    waves = torch.zeros(1, 3, height, width)
    for ring in octaves(waves):
        for part in ring:
            part += 1
    assert torch.equal(waves, torch.ones(1, 3, height, width))


def test_octaves_need_fewer_evaluations():
    """A goal that is curved otherwise along fine waves than along broad ones."""
    target, start = 0.3 + 0.4 * smooth_picture(48, 40, seed=3), torch.full((1, 3, 48, 40), 0.5)
    target = target + 0.05 * torch.randn(target.shape, generator=torch.Generator().manual_seed(1))
    curved = Preconditioner((48, 40), 1.0)

    def evaluations(by_octaves: bool) -> int:
        losses: list[float] = []

        def gradient(image: Tensor) -> tuple[dict[str, float], Tensor]:
            seen = curved(image - target)
            losses.append(float(seen.square().sum()) / 2)
            return {"loss": losses[-1]}, curved(seen)

        optimizer = LBFGS(gradient, start, preconditioner=Preconditioner((48, 40), 0.5))
        optimizer._curvature = InverseHessian(10, by_octaves=by_octaves)
        while len(losses) < 200:
            if sum(optimizer.step().values()) < 1e-3 * losses[0]:
                break
        return len(losses)

    assert evaluations(True) < 0.8 * evaluations(False)
