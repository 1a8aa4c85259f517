"""Blank photographs, and steps whose numbers are not finite, do not spoil a training."""

from __future__ import annotations

import math

import pytest
import torch

from helpers.network_trainings import command, make_sheets_small, training_data
from helpers.sentences import said
from helpers.trainings import log_of
from impasto import images
from impasto.cli.main import run
from impasto.errors import ImpastoError
from impasto.networks.files import load_network
from impasto.training.finite_steps import MOST_IN_A_ROW, FiniteSteps, without_blank_gradients
from impasto.training.network import OnePassTraining

BIG = ["--steps", "4", "--validate-every", "4", "--batch", "2"]


@pytest.fixture
def data(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    make_sheets_small(monkeypatch)
    return training_data(tmp_path / "data")


def rows_of(folder):
    return [[float(value) for value in row] for row in log_of(folder)[1:]]


@pytest.mark.parametrize("what", ["per-style", "any-style"])
def test_blank_photographs_give_finite_steps(what, data, capsys):
    for path in (data / "photos").iterdir():
        path.unlink()
    images.write(data / "photos" / "white.png", torch.ones(1, 3, 96, 96))
    images.write(data / "photos" / "grey.png", torch.full((1, 3, 96, 96), 0.5))
    assert run([*command(data, what, data / "m.safetensors"), *BIG]) == 0
    assert "skipped: the numbers" not in capsys.readouterr().err
    rows = rows_of(data / "m-run")
    assert len(rows) == 4
    assert all(math.isfinite(value) for row in rows for value in row)


def test_only_blank_photographs_give_no_gradient():
    contents = torch.rand(3, 3, 8, 8)
    contents[1] = 0.25
    painted = torch.rand(3, 3, 8, 8, requires_grad=True)
    (without_blank_gradients(painted * 1, contents) * float("inf")).sum().backward()
    assert painted.grad is not None
    assert painted.grad.isinf().flatten(1).all(1).tolist() == [True, False, True]
    assert not painted.grad[1].any()
    assert not without_blank_gradients(torch.rand(1, 3, 2, 2), contents[:1]).requires_grad


def test_a_step_that_is_not_finite_is_skipped_and_counted(data, monkeypatch, capsys):
    words = command(data, "per-style", data / "m.safetensors")
    losses, before = OnePassTraining.losses, {}

    def broken(task, index, size):
        found = losses(task, index, size)
        if index in (1, 2):
            before.setdefault(
                index, {k: v.clone() for k, v in task.state_dict()["trained"].items()}
            )
            return {name: value * float("nan") for name, value in found.items()}
        if index == 3:
            state = task.state_dict()["trained"]
            assert all(torch.equal(state[key], value) for key, value in before[1].items())
        return found

    monkeypatch.setattr(OnePassTraining, "losses", broken)
    assert run([*words, *BIG]) == 0
    assert "2 steps were skipped: the numbers were not finite" in capsys.readouterr().err
    finite = [all(map(math.isfinite, row)) for row in rows_of(data / "m-run")]
    assert finite == [True, False, False, True]
    model = load_network(data / "m.safetensors")
    assert all(value.isfinite().all() for value in model.network.state_dict().values())


def test_a_training_that_learns_nothing_ends_with_its_last_good_checkpoint(
    data, monkeypatch, capsys
):
    words = [*command(data, "per-style", data / "m.safetensors"), *BIG, "--steps", "30"]
    losses = OnePassTraining.losses

    def broken(task, index, size):
        found = losses(task, index, size)
        return {k: v * (float("nan") if index else 1) for k, v in found.items()}

    monkeypatch.setattr(OnePassTraining, "losses", broken)
    assert run(words) == 2
    told = capsys.readouterr().err.splitlines()[-1]
    assert told.startswith(f"impasto: The last {MOST_IN_A_ROW} steps gave numbers that are not")
    assert not (data / "m.safetensors").exists()
    monkeypatch.setattr(OnePassTraining, "losses", losses)
    assert run([*words, "--validate-every", "30"]) == 0
    assert all(map(math.isfinite, rows_of(data / "m-run")[-1]))


def test_steps_in_a_row_are_counted_anew_after_a_good_one():
    steps, good, bad = FiniteSteps(), torch.ones(2), torch.tensor([1.0, math.inf])
    for _ in range(MOST_IN_A_ROW - 1):
        assert not steps.accepts(good, bad)
    assert steps.accepts(good)
    assert not steps.accepts(bad)
    assert steps.skipped == MOST_IN_A_ROW
    for _ in range(MOST_IN_A_ROW - 2):
        steps.accepts(bad)
    assert "a lower" in said(ImpastoError, steps.accepts, bad)
