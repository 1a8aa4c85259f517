"""The loop: what its steps say, and how it comes back from a step that ran away."""

from __future__ import annotations

import math
from collections.abc import Callable

import pytest
import torch
from torch import Tensor

from impasto.errors import ImpastoError, OptionError
from impasto.optim.loop import Step, descend, optimize
from impasto.optim.optimizers import OPTIMIZERS, Adam

TARGET = 0.8


class Bowl:
    """Weighted squared distance from a grey, spoilt where ``spoil`` says so.

    Args:
        spoil: (picture, number of the evaluation, from 1) → factor on the loss.
    """

    def __init__(self, spoil: Callable[[Tensor, int], float] = lambda image, call: 1.0) -> None:
        self.spoil = spoil
        self.calls = 0

    def gradient(self, image: Tensor) -> tuple[dict[str, float], Tensor]:
        self.calls += 1
        factor = self.spoil(image, self.calls)
        error = image - TARGET
        weights = torch.logspace(-1.5, 0.5, error.numel()).view(error.shape) / error.numel()
        loss = factor * float((weights * error.square()).sum())
        return {"bowl": loss}, factor * 2 * weights * error


def start() -> Tensor:
    return 0.2 + 0.2 * torch.rand(1, 3, 6, 8, generator=torch.Generator().manual_seed(0))


def distance(image: Tensor) -> float:
    return float((image - TARGET).square().mean())


def notes(steps: list[Step]) -> list[str]:
    return [step.note for step in steps if step.note]


# --- steps ---------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", OPTIMIZERS)
def test_steps_tell_what_happened(name):
    steps = list(optimize(Bowl(), start(), steps=9, optimizer=name))
    assert [(step.step, step.of) for step in steps] == [(number, 9) for number in range(1, 10)]
    assert {(step.stage, step.stages, step.note, step.size) for step in steps} == {
        (0, 1, "", (6, 8))
    }
    assert [step.seconds for step in steps] == sorted(step.seconds for step in steps)
    assert all(step.image.shape == (1, 3, 6, 8) for step in steps)
    assert steps[-1].loss < steps[0].loss


def test_loss_is_the_sum_of_the_terms():
    step = Step(1, 2, {"a": 0.5, "b": 0.25}, torch.zeros(1, 3, 4, 5), 0.1)
    assert step.loss == 0.75
    assert step.size == (4, 5)


def test_learning_rate_and_average_reach_adam():
    options = {"optimizer": "adam", "learning_rate": 0.03, "average": 0.5}
    (*_, last) = optimize(Bowl(), start(), steps=6, **options)
    adam = Adam(Bowl().gradient, start(), learning_rate=0.03, average=0.5)
    for _ in range(6):
        adam.step()
    assert torch.equal(last.image, adam.image)


@pytest.mark.parametrize("name", OPTIMIZERS)
def test_leaving_early_does_no_more_work(name):
    bowl = Bowl()
    generator = optimize(bowl, start(), steps=10**6, optimizer=name)
    first = next(generator)
    generator.close()
    calls = bowl.calls
    assert list(generator) == []
    assert (bowl.calls, first.step) == (calls, 1)
    assert calls < 30


@pytest.mark.parametrize("name", OPTIMIZERS)
def test_no_steps(name):
    bowl = Bowl()
    assert list(optimize(bowl, start(), steps=0, optimizer=name)) == []
    assert bowl.calls == 0


def test_ends_early_where_nothing_is_left_to_do():
    """At the exact goal the gradient is zero; near it, L-BFGS needs a few steps to be sure."""
    there = torch.full((1, 3, 6, 8), TARGET)
    assert len(list(optimize(Bowl(), there, steps=50))) < 5
    bowl = Bowl()
    steps = list(optimize(bowl, start(), steps=10**4))
    assert distance(steps[-1].image) < 1e-4 * distance(start())
    assert len(steps) < 200
    assert [step.of for step in steps[-2:]] == [10**4] * 2


def test_adam_makes_all_its_steps():
    there = torch.full((1, 3, 6, 8), TARGET)
    assert len(list(optimize(Bowl(), there, steps=50, optimizer="adam"))) == 50


def test_fewer_than_no_steps():
    with pytest.raises(OptionError, match="number of steps cannot be -1: give 0 or more"):
        list(optimize(Bowl(), start(), steps=-1))


def test_unknown_optimizer():
    with pytest.raises(OptionError, match="Unknown optimizer 'sgd'"):
        list(optimize(Bowl(), start(), steps=1, optimizer="sgd"))


def test_steps_made_before_are_not_made_again():
    bowl = Bowl()
    steps = list(descend(Adam(bowl.gradient, start()), steps=5, done=3))
    assert [(step.step, step.of) for step in steps] == [(4, 5), (5, 5)]
    assert bowl.calls == 2
    assert list(descend(Adam(bowl.gradient, start()), steps=5, done=5)) == []


# --- runaways ------------------------------------------------------------------------------------


@pytest.mark.parametrize("bad", [math.nan, math.inf, -math.inf])
def test_adam_goes_back_with_half_the_rate(bad):
    """By hand: the third evaluation fails, and the step is made anew from the same pixels."""
    bowl = Bowl(lambda image, call: bad if call == 3 else 1.0)
    generator = optimize(bowl, start(), steps=5, optimizer="adam", learning_rate=0.02)
    second, third = [next(generator).image.clone() for _ in range(3)][1:]
    # A fresh start: no moments, so that every pixel moves by half the rate.
    torch.testing.assert_close(third - second, torch.full_like(third, 0.01), atol=1e-5, rtol=0)
    assert bowl.calls == 4


@pytest.mark.parametrize("name", OPTIMIZERS)
@pytest.mark.parametrize("bad", [math.nan, math.inf, 1e6])
@pytest.mark.parametrize("calls", [{5}, {5, 6, 7, 8}, {2, 9, 13}])
def test_passing_trouble_is_survived(name, bad, calls):
    bowl = Bowl(lambda image, call: bad if call in calls else 1.0)
    steps = list(optimize(bowl, start(), steps=40, optimizer=name, learning_rate=0.05))
    assert [step.step for step in steps] == list(range(1, 41))
    assert all(math.isfinite(step.loss) and step.image.isfinite().all() for step in steps)
    assert distance(steps[-1].image) < 0.5 * distance(start())
    assert len(notes(steps)) <= 1


@pytest.mark.parametrize("name", OPTIMIZERS)
def test_trouble_at_the_very_first_evaluation(name):
    bowl = Bowl(lambda image, call: math.nan if call == 1 else 1.0)
    steps = list(optimize(bowl, start(), steps=40, optimizer=name))
    assert notes(steps) == ["The loss became nan; went back and halved the step."]
    assert steps[0].note
    assert distance(steps[-1].image) < 0.5 * distance(start())


def test_the_note_comes_once_and_at_once():
    bowl = Bowl(lambda image, call: 1e6 if call in (4, 9, 20) else 1.0)
    steps = list(optimize(bowl, start(), steps=30, optimizer="adam"))
    (note,) = notes(steps)
    assert steps[3].note == note
    assert note.startswith("The loss became ")
    assert note.endswith("e+05; went back and halved the step.")


@pytest.mark.parametrize("name", OPTIMIZERS)
@pytest.mark.parametrize("bad", [math.nan, math.inf, 1e8])
def test_a_region_that_is_always_bad_is_kept_out_of(name, bad):
    """The way to the optimum leads through pictures whose loss is no number.

    Adam learns of it one step late, when its pixels are already there.
    """
    bowl = Bowl(lambda image, call: bad if 0.5 < image.mean() < 0.7 else 1.0)
    steps = list(optimize(bowl, start(), steps=50, optimizer=name, learning_rate=0.03))
    assert all(step.loss < 1 for step in steps)
    assert distance(steps[-1].image) < 0.7 * distance(start())


def test_rounding_at_a_perfect_fit_is_no_runaway():
    """A loss of 1e-14 may become 1e-9 and mean nothing."""
    values = iter([1.0, 1e-14, 1e-9, 0.0, 1e-4])

    def gradient(image: Tensor) -> tuple[dict[str, float], Tensor]:
        return {"loss": next(values)}, torch.zeros_like(image)

    steps = list(descend(Adam(gradient, start()), steps=5))
    assert [step.loss for step in steps] == [1.0, 1e-14, 1e-9, 0.0, 1e-4]
    assert notes(steps) == []


@pytest.mark.parametrize("name", OPTIMIZERS)
@pytest.mark.parametrize("bad", [math.nan, math.inf])
def test_no_hope(name, bad):
    bowl = Bowl(lambda image, call: bad)
    with pytest.raises(ImpastoError, match=r"not finite however small .*precision float32"):
        list(optimize(bowl, start(), steps=5, optimizer=name))
    assert bowl.calls <= 20


@pytest.mark.parametrize("name", OPTIMIZERS)
def test_hope_lost_on_the_way(name):
    bowl = Bowl(lambda image, call: math.nan if call > 10 else 1.0)
    steps = []
    with pytest.raises(ImpastoError):
        steps.extend(optimize(bowl, start(), steps=50, optimizer=name))
    assert bowl.calls < 60


def test_lbfgs_is_told_of_a_gradient_that_is_no_number():
    """The loss may be finite where its slope is not: standing still would pass for convergence."""

    class Cliff(Bowl):
        def gradient(self, image: Tensor) -> tuple[dict[str, float], Tensor]:
            losses, gradient = super().gradient(image)
            return losses, torch.full_like(gradient, math.nan)

    with pytest.raises(ImpastoError):
        list(optimize(Cliff(), start(), steps=5))
