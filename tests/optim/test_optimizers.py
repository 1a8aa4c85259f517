"""Both optimizers against independent arithmetic: what they reach, how, and in what units."""

from __future__ import annotations

import io
import itertools
from collections.abc import Callable

import numpy as np
import pytest
import torch
import torch.nn.functional as F
from scipy.optimize import minimize
from torch import Tensor

from impasto.encoders.vgg import Encoder
from impasto.errors import OptionError
from impasto.objective.objective import Objective
from impasto.objective.terms import ContentTerm, StyleTerm
from impasto.optim.lbfgs import LBFGS, Gradient
from impasto.optim.optimizers import OPTIMIZERS, Adam, Optimizer, make_optimizer

SHAPE = (1, 3, 6, 7)
SIZE = 3 * 6 * 7


class Quadratic:
    """½ (x − t)ᵀ H (x − t) in float64, with every picture that it was asked about."""

    def __init__(self, spread: float, *, factor: float = 1.0, seed: int = 0) -> None:
        random = torch.Generator().manual_seed(seed)
        root = torch.randn(SIZE, SIZE, generator=random, dtype=torch.float64)
        self.matrix = root @ root.T / SIZE + 0.3 * torch.eye(SIZE, dtype=torch.float64)
        self.target = 0.5 + spread * torch.randn(SIZE, generator=random, dtype=torch.float64)
        self.factor = factor
        self.asked: list[Tensor] = []

    def value(self, flat: Tensor) -> tuple[float, Tensor]:
        slope = self.matrix @ (flat - self.target)
        return 0.5 * float((flat - self.target) @ slope), slope

    def loss(self, image: Tensor) -> float:
        return self.value(image.flatten().double())[0]

    def gradient(self, image: Tensor) -> tuple[dict[str, float], Tensor]:
        self.asked.append(image.detach().clone())
        value, slope = self.value(image.flatten().double())
        gradient = (self.factor * slope).view(image.shape).to(image.dtype)
        # As an encoder gives it back.
        gradient = gradient.to(memory_format=torch.channels_last)
        return {"half": 0.5 * self.factor * value, "rest": 0.5 * self.factor * value}, gradient


def start(seed: int = 5) -> Tensor:
    return torch.rand(SHAPE, generator=torch.Generator().manual_seed(seed))


def make(name: str, gradient: Gradient, image: Tensor) -> Optimizer:
    return make_optimizer(name, gradient, image, learning_rate=0.02, average=0.8)


@pytest.fixture(scope="module")
def painting(encoder: Encoder, content, style) -> Objective:
    """A real objective, of pictures of 32 pixels."""
    small = F.interpolate(content.tensor, (32, 32), mode="area")
    target = F.interpolate(style.tensor, (32, 32), mode="area")
    return Objective(
        [
            ContentTerm(encoder(small, ["relu3_1"]), weight=0.3),
            StyleTerm(encoder(target, ["relu1_1", "relu2_1", "relu4_1"])),
        ],
        encoder,
    )


def noise() -> Tensor:
    return torch.rand(1, 3, 32, 32, generator=torch.Generator().manual_seed(9))


# --- what they reach -----------------------------------------------------------------------------


@pytest.mark.parametrize("name", OPTIMIZERS)
def test_descends_on_a_quadratic(name):
    task = Quadratic(0.1)
    optimizer = make(name, task.gradient, start())
    losses = [sum(optimizer.step().values()) for _ in range(60)]
    assert losses[-1] < 0.02 * losses[0]
    assert task.loss(optimizer.image) < 0.02 * losses[0]


@pytest.mark.parametrize("name", OPTIMIZERS)
def test_descends_on_a_painting(name, painting):
    optimizer = make(name, painting.gradient, noise())
    losses = [sum(optimizer.step().values()) for _ in range(30)]
    assert losses[-1] < 0.3 * losses[0]
    assert sum(painting.gradient(optimizer.image)[0].values()) < 0.3 * losses[0]


@pytest.mark.parametrize("name", OPTIMIZERS)
def test_pixels_stay_in_the_box(name):
    task = Quadratic(3.0)
    optimizer = make(name, task.gradient, start() * 1.4 - 0.2)
    for _ in range(40):
        optimizer.step()
        assert optimizer.image.min() >= 0
        assert optimizer.image.max() <= 1
    assert all(image.min() >= 0 and image.max() <= 1 for image in task.asked)
    assert ((optimizer.pixels == 0) | (optimizer.pixels == 1)).float().mean() > 0.3


@pytest.mark.parametrize("name", OPTIMIZERS)
def test_start_is_not_written_to(name):
    image = start()
    make(name, Quadratic(1.0).gradient, image).step()
    assert torch.equal(image, start())


def test_lbfgs_reports_the_picture_it_ends_at():
    task = Quadratic(0.5)
    optimizer = LBFGS(task.gradient, start())
    for _ in range(10):
        assert sum(optimizer.step().values()) == pytest.approx(task.loss(optimizer.image), 1e-6)


def test_lbfgs_solves_a_separable_problem_in_the_box():
    target = 0.5 + torch.randn(SHAPE, generator=torch.Generator().manual_seed(1))
    gains = torch.linspace(0.2, 2, target.numel()).view(SHAPE)

    def gradient(image: Tensor) -> tuple[dict[str, float], Tensor]:
        error = image - target
        return {"loss": float((gains * error.square()).sum() / 2)}, gains * error

    optimizer = LBFGS(gradient, start())
    for _ in range(120):
        optimizer.step()
    best, first, last = (
        gradient(image)[0]["loss"] for image in (target.clamp(0, 1), start(), optimizer.image)
    )
    assert -1e-4 <= last - best <= 3e-3 * (first - best)
    assert (optimizer.image - target.clamp(0, 1)).abs().mean() < 0.02


def test_lbfgs_solves_a_coupled_problem_in_the_box():
    task = Quadratic(0.6)
    oracle = minimize(
        lambda x: tuple(np.asarray(part) for part in task.value(torch.from_numpy(x))),
        start().double().flatten().numpy(),
        jac=True,
        method="L-BFGS-B",
        bounds=[(0, 1)] * SIZE,
        options={"ftol": 1e-14, "gtol": 1e-9},
    )
    assert np.isin(oracle.x, (0, 1)).mean() > 0.2
    optimizer = LBFGS(task.gradient, start())
    for _ in range(150):
        optimizer.step()
    gap = task.loss(optimizer.image) - oracle.fun
    assert -1e-6 <= gap <= 3e-3 * (task.loss(start()) - oracle.fun)
    assert abs(optimizer.image.flatten().numpy() - oracle.x).mean() < 0.01


# --- units and evaluations of L-BFGS -------------------------------------------------------------


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
def test_lbfgs_goes_the_same_way_whatever_the_units(factor, spread):
    ways = [trajectory(Quadratic(spread, factor=f).gradient, start(), 20) for f in (1, factor)]
    torch.testing.assert_close(ways[1], ways[0], atol=2e-5, rtol=0)
    assert (ways[0][-1] - start()).abs().mean() > 0.05


@pytest.mark.parametrize("factor", [1e4, 1e-4, 1e-8])
def test_lbfgs_paints_the_same_whatever_the_units(factor, painting):
    ways = [trajectory(scaled(painting.gradient, f), noise(), 12) for f in (1, factor)]
    torch.testing.assert_close(ways[1], ways[0], atol=1e-3, rtol=0)
    assert (ways[0][-1] - noise()).abs().mean() > 0.05


def test_lbfgs_asks_nothing_twice_in_a_row(painting):
    asked: list[Tensor] = []

    def gradient(image: Tensor) -> tuple[dict[str, float], Tensor]:
        asked.append(image.clone())
        return painting.gradient(image)

    optimizer = LBFGS(gradient, noise())
    for _ in range(40):
        optimizer.step()
    assert not any(torch.equal(a, b) for a, b in itertools.pairwise(asked))
    assert 41 <= len(asked) <= 60


@pytest.mark.parametrize("factor", [1e6, 1e-6])
def test_lbfgs_first_trial_moves_pixels_a_little(factor):
    task = Quadratic(0.3, factor=factor)
    image = 0.3 + 0.4 * start()
    optimizer = LBFGS(task.gradient, image, first_move=0.01)
    optimizer.step()
    moves = [(task.asked[1] - task.asked[0]).abs().mean()]
    optimizer.restart(image)
    asked = len(task.asked)
    optimizer.step()
    moves.append((task.asked[asked + 1] - image).abs().mean())
    torch.testing.assert_close(torch.stack(moves), torch.tensor([0.01, 0.005]), rtol=1e-3, atol=0)


def test_lbfgs_rests_at_a_perfect_picture():
    """Content alone, started at the content: there is nothing to do and nothing breaks."""
    task = Quadratic(0.1)
    task.target = start().flatten().double()
    optimizer = LBFGS(task.gradient, start())
    assert max(sum(optimizer.step().values()) for _ in range(5)) < 1e-12
    torch.testing.assert_close(optimizer.image, start(), atol=1e-6, rtol=0)


@pytest.mark.parametrize("least", [0.0, 1e-25, 1e-15])
@pytest.mark.parametrize("slope", [1e-7, 1e-10, 1e-13])
def test_lbfgs_bears_a_loss_of_nothing_but_rounding(least, slope):
    """A perfect start, whose slope is noise, and walls a million million times as steep around."""
    noise = slope / SIZE * torch.randn(SHAPE, generator=torch.Generator().manual_seed(1))

    def gradient(image: Tensor) -> tuple[dict[str, float], Tensor]:
        assert image.isfinite().all()
        away = image - start()
        if away.abs().max() < 1e-6:
            return {"loss": least}, noise
        return {"loss": 100 * float(away.square().mean()) + least}, 200 * away / SIZE

    optimizer = LBFGS(gradient, start())
    for _ in range(5):
        assert optimizer.step()["loss"] == least
    torch.testing.assert_close(optimizer.image, start(), atol=1e-6, rtol=0)


def test_lbfgs_knows_after_waking_that_it_has_converged():
    task = Quadratic(0.0)
    optimizer, other = (LBFGS(task.gradient, torch.full(SHAPE, 0.5)) for _ in range(2))
    optimizer.step()
    other.load_state_dict(optimizer.state_dict())
    assert optimizer.converged
    assert other.converged
    other.restart(start())
    assert not other.converged


# --- Adam ----------------------------------------------------------------------------------------


def adam_by_hand(
    slope: Callable[[np.ndarray], np.ndarray], x: np.ndarray, steps: int, rate: float, decay: float
) -> tuple[np.ndarray, np.ndarray]:
    """Kingma & Ba's algorithm 1 number by number, clipped; the last iterate and the average."""
    x, first, second = x.copy(), np.zeros_like(x), np.zeros_like(x)
    iterates = []
    for step in range(1, steps + 1):
        gradient = slope(x)
        for i, g in enumerate(gradient):
            first[i] = 0.9 * first[i] + 0.1 * g
            second[i] = 0.99 * second[i] + 0.01 * g * g
            ahead = first[i] / (1 - 0.9**step)
            spread = second[i] / (1 - 0.99**step)
            x[i] = min(1.0, max(0.0, x[i] - rate * ahead / (spread**0.5 + 1e-8)))
        iterates.append(x.copy())
    shares = np.array([(1 - decay) * decay ** (steps - k) for k in range(1, steps + 1)])
    return x, np.einsum("k,ki->i", shares / (1 - decay**steps), np.array(iterates))


@pytest.mark.parametrize(("dtype", "tolerance"), [(torch.float64, 1e-12), (torch.float32, 2e-5)])
@pytest.mark.parametrize("steps", [1, 2, 30])
def test_adam_is_adam(dtype, tolerance, steps):
    task = Quadratic(1.0)
    optimizer = Adam(task.gradient, start().to(dtype), learning_rate=0.05, average=0.8)
    losses = [sum(optimizer.step().values()) for _ in range(steps)]
    last, average = adam_by_hand(
        lambda x: task.value(torch.from_numpy(x))[1].numpy(),
        start().double().flatten().numpy(), steps, 0.05, 0.8,
    )  # fmt: skip
    np.testing.assert_allclose(optimizer.pixels.flatten().numpy(), last, atol=tolerance)
    np.testing.assert_allclose(optimizer.image.flatten().numpy(), average, atol=tolerance)
    assert losses[0] == pytest.approx(task.loss(start()), 1e-6)


def test_adam_without_average_shows_its_last_iterate():
    optimizer = Adam(Quadratic(1.0).gradient, start())
    optimizer.step()
    assert torch.equal(optimizer.image, optimizer.pixels)
    assert not torch.equal(optimizer.image, start())


def test_adam_restart_halves_the_rate_and_forgets():
    task = Quadratic(0.1)
    optimizer = Adam(task.gradient, start(), learning_rate=0.02, average=0.9)
    for _ in range(5):
        optimizer.step()
    middle = torch.full(SHAPE, 0.5)
    optimizer.restart(middle)
    assert torch.equal(optimizer.image, middle)
    optimizer.step()
    # Without moments the first step is the rate itself, whatever the gradient.
    torch.testing.assert_close(
        (optimizer.pixels - middle).abs(), torch.full(SHAPE, 0.01), rtol=1e-3, atol=0
    )
    torch.testing.assert_close(optimizer.image, optimizer.pixels)


def test_adam_carries_its_moments_to_another_size():
    small = Adam(Quadratic(1.0).gradient, start())
    for _ in range(7):
        small.step()
    state = small.state_dict()
    state["adam"]["state"][0]["exp_avg"] = torch.arange(7.0).expand(SHAPE)
    small.load_state_dict(state)
    large = Adam(lambda image: ({"none": 0.0}, torch.zeros_like(image)), torch.zeros(1, 3, 12, 14))
    small.carry_to(large)
    (before,), (after,) = (o.state_dict()["adam"]["state"].values() for o in (small, large))
    assert float(after["step"]) == float(before["step"]) == 7
    assert after["step"] is not before["step"]
    # Straight between the centres of pixels, level beyond the outermost.
    straight = (torch.arange(14) / 2 - 0.25).clamp(0, 6)
    torch.testing.assert_close(after["exp_avg"], straight.expand(1, 3, 12, 14))
    low, high = before["exp_avg_sq"].aminmax()
    assert after["exp_avg_sq"].shape == (1, 3, 12, 14)
    assert low <= after["exp_avg_sq"].min() <= after["exp_avg_sq"].max() <= high
    large.step()
    assert float(large.state_dict()["adam"]["state"][0]["step"]) == 8


def test_adam_without_a_past_carries_nothing():
    small, large = (Adam(Quadratic(1.0).gradient, start()) for _ in range(2))
    small.carry_to(large)
    assert large.state_dict()["adam"]["state"] == {}


# --- sleep and waking ----------------------------------------------------------------------------


@pytest.mark.parametrize("name", OPTIMIZERS)
@pytest.mark.parametrize("before", [0, 1, 7, 13])
def test_goes_on_to_the_bit(name, before, painting):
    whole, first, second = (make(name, painting.gradient, noise()) for _ in range(3))
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


def test_unknown_optimizer():
    with pytest.raises(OptionError, match="Unknown optimizer 'adams': choose one of lbfgs, adam"):
        make("adams", Quadratic(1.0).gradient, start())
