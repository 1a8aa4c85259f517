"""The loop: what its steps report, and when it ends."""

from __future__ import annotations

import pytest
import torch

from helpers.bowl import TARGET, Bowl, distance, start
from impasto.errors import OptionError
from impasto.optim.adam import Adam
from impasto.optim.loop import Step, descend, optimize
from impasto.optim.optimizers import OPTIMIZERS


@pytest.mark.parametrize("name", OPTIMIZERS)
def test_steps_report_losses_sizes_and_times(name):
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
def test_leaving_the_loop_stops_the_work(name):
    bowl = Bowl()
    generator = optimize(bowl, start(), steps=10**6, optimizer=name)
    first = next(generator)
    generator.close()
    calls = bowl.calls
    assert list(generator) == []
    assert (bowl.calls, first.step) == (calls, 1)
    assert calls < 30


@pytest.mark.parametrize("name", OPTIMIZERS)
def test_zero_steps(name):
    bowl = Bowl()
    assert list(optimize(bowl, start(), steps=0, optimizer=name)) == []
    assert bowl.calls == 0


def test_ends_early_on_convergence():
    """At the exact optimum the gradient is zero; near it, L-BFGS needs a few steps to be sure."""
    optimum = torch.full((1, 3, 6, 8), TARGET)
    assert len(list(optimize(Bowl(), optimum, steps=50))) < 5
    bowl = Bowl()
    steps = list(optimize(bowl, start(), steps=10**4))
    assert distance(steps[-1].image) < 1e-4 * distance(start())
    assert len(steps) < 200
    assert [step.of for step in steps[-2:]] == [10**4] * 2


def test_adam_makes_all_its_steps():
    optimum = torch.full((1, 3, 6, 8), TARGET)
    assert len(list(optimize(Bowl(), optimum, steps=50, optimizer="adam"))) == 50


def test_negative_number_of_steps_is_an_error():
    with pytest.raises(OptionError, match="number of steps cannot be -1: give 0 or more"):
        list(optimize(Bowl(), start(), steps=-1))


def test_unknown_optimizer_is_an_error():
    with pytest.raises(OptionError, match="Unknown optimizer 'sgd'"):
        list(optimize(Bowl(), start(), steps=1, optimizer="sgd"))


def test_steps_already_done_are_skipped():
    bowl = Bowl()
    steps = list(descend(Adam(bowl.gradient, start()), steps=5, done=3))
    assert [(step.step, step.of) for step in steps] == [(4, 5), (5, 5)]
    assert bowl.calls == 2
    assert list(descend(Adam(bowl.gradient, start()), steps=5, done=5)) == []
