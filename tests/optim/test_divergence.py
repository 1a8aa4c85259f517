"""Recovery from steps whose loss diverges or is not finite."""

from __future__ import annotations

import math

import pytest
import torch
from torch import Tensor

from helpers.bowl import Bowl, distance, start
from impasto.errors import ImpastoError
from impasto.optim.adam import Adam
from impasto.optim.loop import Step, descend, optimize
from impasto.optim.optimizers import OPTIMIZERS


def notes(steps: list[Step]) -> list[str]:
    return [step.note for step in steps if step.note]


@pytest.mark.parametrize("bad", [math.nan, math.inf, -math.inf])
def test_adam_restarts_with_half_the_learning_rate(bad):
    """The third evaluation fails, and the step is repeated from the same pixels."""
    bowl = Bowl(lambda image, call: bad if call == 3 else 1.0)
    generator = optimize(bowl, start(), steps=5, optimizer="adam", learning_rate=0.02)
    second, third = [next(generator).image.clone() for _ in range(3)][1:]
    # Without moments every pixel moves by half the learning rate.
    torch.testing.assert_close(third - second, torch.full_like(third, 0.01), atol=1e-5, rtol=0)
    assert bowl.calls == 4


@pytest.mark.parametrize("name", OPTIMIZERS)
@pytest.mark.parametrize("bad", [math.nan, math.inf, 1e6])
@pytest.mark.parametrize("calls", [{5}, {5, 6, 7, 8}, {2, 9, 13}])
def test_temporary_divergence_is_recovered(name, bad, calls):
    bowl = Bowl(lambda image, call: bad if call in calls else 1.0)
    steps = list(optimize(bowl, start(), steps=40, optimizer=name, learning_rate=0.05))
    assert [step.step for step in steps] == list(range(1, 41))
    assert all(math.isfinite(step.loss) and step.image.isfinite().all() for step in steps)
    assert distance(steps[-1].image) < 0.5 * distance(start())
    assert len(notes(steps)) <= 1


@pytest.mark.parametrize("name", OPTIMIZERS)
def test_divergence_in_the_first_evaluation(name):
    bowl = Bowl(lambda image, call: math.nan if call == 1 else 1.0)
    steps = list(optimize(bowl, start(), steps=40, optimizer=name))
    assert notes(steps) == ["The loss became nan; went back and halved the step."]
    assert steps[0].note
    assert distance(steps[-1].image) < 0.5 * distance(start())


def test_note_is_given_once_and_immediately():
    bowl = Bowl(lambda image, call: 1e6 if call in (4, 9, 20) else 1.0)
    steps = list(optimize(bowl, start(), steps=30, optimizer="adam"))
    (note,) = notes(steps)
    assert steps[3].note == note
    assert note.startswith("The loss became ")
    assert note.endswith("e+05; went back and halved the step.")


@pytest.mark.parametrize("name", OPTIMIZERS)
@pytest.mark.parametrize("bad", [math.nan, math.inf, 1e8])
def test_region_of_diverging_losses_is_avoided(name, bad):
    """The path to the optimum leads through pictures whose loss diverges.

    Adam notices one step late, when its pixels are already there.
    """
    bowl = Bowl(lambda image, call: bad if 0.5 < image.mean() < 0.7 else 1.0)
    steps = list(optimize(bowl, start(), steps=50, optimizer=name, learning_rate=0.03))
    assert all(step.loss < 1 for step in steps)
    assert distance(steps[-1].image) < 0.7 * distance(start())


def test_rounding_at_a_perfect_fit_is_not_a_divergence():
    """A loss that rises from 1e-14 to 1e-9 means nothing."""
    values = iter([1.0, 1e-14, 1e-9, 0.0, 1e-4])

    def gradient(image: Tensor) -> tuple[dict[str, float], Tensor]:
        return {"loss": next(values)}, torch.zeros_like(image)

    steps = list(descend(Adam(gradient, start()), steps=5))
    assert [step.loss for step in steps] == [1.0, 1e-14, 1e-9, 0.0, 1e-4]
    assert notes(steps) == []


@pytest.mark.parametrize("name", OPTIMIZERS)
@pytest.mark.parametrize("bad", [math.nan, math.inf])
def test_loss_that_is_never_finite_is_an_error(name, bad):
    bowl = Bowl(lambda image, call: bad)
    with pytest.raises(ImpastoError, match=r"not finite however small .*precision float32"):
        list(optimize(bowl, start(), steps=5, optimizer=name))
    assert bowl.calls <= 20


@pytest.mark.parametrize("name", OPTIMIZERS)
def test_loss_that_stays_non_finite_is_an_error(name):
    bowl = Bowl(lambda image, call: math.nan if call > 10 else 1.0)
    steps = []
    with pytest.raises(ImpastoError):
        steps.extend(optimize(bowl, start(), steps=50, optimizer=name))
    assert bowl.calls < 60


def test_non_finite_gradient_of_lbfgs_is_an_error():
    """The loss may be finite where its gradient is not; no movement would look like convergence."""

    class Cliff(Bowl):
        def gradient(self, image: Tensor) -> tuple[dict[str, float], Tensor]:
            losses, gradient = super().gradient(image)
            return losses, torch.full_like(gradient, math.nan)

    with pytest.raises(ImpastoError):
        list(optimize(Cliff(), start(), steps=5))
