"""A painting whose loss diverges: one notice, and a reduced step at every later size."""

from __future__ import annotations

import itertools
import math
from collections import Counter
from collections.abc import Callable, Mapping

import pytest
from torch import Tensor

from impasto.jobs.checkpoints import load_checkpoint, save_checkpoint
from impasto.optim.optimizers import OPTIMIZERS
from impasto.painting.painter import Painter
from impasto.recipes.recipe import Recipe

RATE = 0.02
RECIPE = Recipe(
    size=96, scales=3, steps=6, final_steps=6, learning_rate=RATE, smallest=48,
    style_layers={"relu1_1": 1.0}, content_layers={"relu2_1": 1.0},
)  # fmt: skip
"""Three sizes of six steps."""

ONCE_A_SIZE = {(stage, 0): 1 for stage in range(3)}


class Spoilt(Painter):
    """A painting of which some evaluations go wrong.

    ``bad`` says how many there are before the step at each position (size, steps made there).
    """

    bad: Mapping[tuple[int, int], int]
    value = math.nan

    def objective(self, size):
        inner, counts, painter = super().objective(size), Counter(), self

        class Objective:
            def gradient(self, image: Tensor) -> tuple[dict[str, float], Tensor]:
                losses, slope = inner.gradient(image)
                counts[painter.position] += 1
                if counts[painter.position] <= painter.bad.get(painter.position, 0):
                    losses = dict.fromkeys(losses, painter.value)
                return losses, slope

        return Objective()


@pytest.fixture
def spoilt(content, style, encoder) -> Callable[..., Spoilt]:
    def make(optimizer, bad, value=math.nan):
        painter = Spoilt(content, [style], RECIPE.replace(optimizer=optimizer), encoder=encoder)
        painter.bad, painter.value = bad, value
        return painter

    return make


def reduction(painter: Painter) -> float:
    """What is left of the optimizer's rate."""
    state = painter.state_dict()["optimizer"]
    return state["rate"] if "rate" in state else state["adam"]["param_groups"][0]["lr"] / RATE


@pytest.mark.parametrize("optimizer", OPTIMIZERS)
def test_one_notice_and_the_step_stays_reduced(spoilt, optimizer):
    painter = spoilt(optimizer, ONCE_A_SIZE)
    notes, left = [], {}
    for step in painter:
        notes += [step.note] if step.note else []
        left[step.stage] = reduction(painter)
    assert notes == ["The loss became nan; went back and halved the step."]
    assert left == {0: 1 / 2, 1: 1 / 4, 2: 1 / 8}


@pytest.mark.parametrize("optimizer", OPTIMIZERS)
def test_a_later_size_keeps_the_reduced_step(spoilt, optimizer):
    painter = spoilt(optimizer, {(0, 0): 2})
    assert {reduction(painter) for _ in painter} == {1 / 4}


@pytest.mark.parametrize("optimizer", OPTIMIZERS)
@pytest.mark.parametrize("count", [3, 6, 8])
def test_resumed_painting_keeps_the_notice_and_the_step(spoilt, optimizer, count, tmp_path):
    """6 is the last step of the first size."""
    whole, first, second = (spoilt(optimizer, ONCE_A_SIZE) for _ in range(3))
    history = [(step.losses, step.note) for step in whole]
    for _ in itertools.islice(first, count):
        pass
    save_checkpoint(tmp_path / "a.checkpoint", first, [])
    load_checkpoint(tmp_path / "a.checkpoint", second)
    assert [(step.losses, step.note) for step in second] == history[count:]


@pytest.mark.parametrize("value", [math.nan, 1e9])
def test_divergence_directly_after_resuming(spoilt, value, tmp_path):
    """What a good loss is, and the last good picture, are known from before the interruption."""
    whole, first, second = (spoilt("adam", {(1, 4): 2}, value) for _ in range(3))
    history = [(step.losses, step.note) for step in whole]
    for _ in itertools.islice(first, 10):
        pass
    assert first.position == (1, 4)
    save_checkpoint(tmp_path / "a.checkpoint", first, [])
    load_checkpoint(tmp_path / "a.checkpoint", second)
    assert [(step.losses, step.note) for step in second] == history[10:]
    assert history[10][1].startswith("The loss became ")
