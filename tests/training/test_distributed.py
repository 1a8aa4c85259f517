"""Several processes that train together make the steps that one would make alone."""

from __future__ import annotations

import os
import socket
import subprocess
import sys
from pathlib import Path

import pytest
import torch
from torch import Tensor

from helpers.process_groups import folder as folder
from helpers.process_groups import gradients, task
from impasto.errors import OptionError
from impasto.training.distributed import Workers, launched_workers


class Share(Workers):
    """One of several processes, without the others."""

    def __init__(self, rank: int, count: int) -> None:
        super().__init__()
        self.rank, self.count = rank, count


# --- Shares of a batch ------------------------------------------------------------------------


@pytest.mark.parametrize("kind", ["any", "fixed"])
@pytest.mark.parametrize("count", [2, 4])
def test_shares_average_to_the_batch(kind, count, folder):
    alone = task(kind, folder, Workers())
    expected = alone.losses(3, 64)
    sum(expected.values()).backward()
    found, all_gradients = [], []
    for rank in range(count):
        share = task(kind, folder, Share(rank, count))
        losses = share.losses(3, 64)
        sum(losses.values()).backward()
        found.append(losses)
        all_gradients.append(gradients(share))
    for name, value in expected.items():
        mean = torch.stack([losses[name] for losses in found]).mean()
        torch.testing.assert_close(mean, value, rtol=1e-5, atol=1e-6)
    for parts, whole in zip(zip(*all_gradients, strict=True), gradients(alone), strict=True):
        torch.testing.assert_close(torch.stack(parts).mean(0), whole, rtol=1e-4, atol=1e-5)


def test_shares_differ(folder):
    """Otherwise the test above would say nothing."""
    losses = [task("any", folder, Share(rank, 2)).losses(3, 64)["style"] for rank in (0, 1)]
    assert not torch.allclose(*losses, rtol=1e-3)


# --- Processes --------------------------------------------------------------------------------


def train(kind: str, folder: Path, workers: Workers) -> dict[str, list[Tensor]]:
    """The gradients of a step, and the weights after three."""
    torch.set_num_threads(1)
    training = task(kind, folder, workers)
    training.step(0, 3)
    first = [gradient.clone() for gradient in gradients(training)]
    steps = [training.step(index, 3)[0] for index in (1, 2)]
    losses = [torch.tensor([list(losses.values()) for losses in steps])]
    weights = [weight.detach() for weight in training._modules.parameters()]
    return {"gradients": first, "weights": weights, "losses": losses}


def as_one_of_two(folder: str, output: str) -> None:
    """What each of two launched processes does."""
    workers = launched_workers()
    results: dict[str, object] = {kind: train(kind, Path(folder), workers) for kind in KINDS}
    batch = task("batch", Path(folder), workers)
    batch.step(0, 3)
    results["moments"] = batch.network.running_moments
    results["flags"] = [workers.any(workers.rank == 1), workers.any(False)]
    results["who"] = (workers.rank, workers.count)
    workers.wait()
    torch.save(results, f"{output}{workers.rank}.pt")
    torch.distributed.destroy_process_group()


KINDS = ("any", "fixed")


@pytest.fixture(scope="module")
def both(folder: Path, tmp_path_factory: pytest.TempPathFactory) -> list[dict[str, object]]:
    """The results of two processes, started as ``torchrun`` starts them."""
    pytest.importorskip("accelerate")
    output = tmp_path_factory.mktemp("results") / "rank"
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    program = (
        "from training import test_distributed as t; "
        f"t.as_one_of_two({str(folder)!r}, {str(output)!r})"
    )
    processes = [
        subprocess.Popen(
            [sys.executable, "-c", program],
            cwd=Path(__file__).parents[1],
            env={**os.environ, "OMP_NUM_THREADS": "1", "CUDA_VISIBLE_DEVICES": "",
                 "ACCELERATE_USE_CPU": "true", "MASTER_ADDR": "127.0.0.1",
                 "MASTER_PORT": str(port), "WORLD_SIZE": "2", "LOCAL_WORLD_SIZE": "2",
                 "RANK": str(rank), "LOCAL_RANK": str(rank)},
            stderr=subprocess.PIPE,
            text=True,
        )
        for rank in range(2)
    ]  # fmt: skip
    try:
        errors = [process.communicate(timeout=300)[1] for process in processes]
    finally:
        for process in processes:
            process.kill()
    assert [process.returncode for process in processes] == [0, 0], "\n".join(errors)
    return [torch.load(f"{output}{rank}.pt", weights_only=True) for rank in range(2)]


@pytest.mark.parametrize("kind", KINDS)
def test_two_processes_make_the_step_of_one_with_their_batch(kind, both, folder):
    alone = train(kind, folder, Workers())
    sizes = [float(gradient.abs().max()) for gradient in alone["gradients"]]
    assert sum(size > 1e-3 for size in sizes) > 10
    for results in both:
        for name in ("gradients", "losses"):
            for found, expected in zip(results[kind][name], alone[name], strict=True):
                torch.testing.assert_close(found, expected, rtol=1e-4, atol=1e-5)
        # Adam divides by the gradient's size, so rounding shows where there is next to none.
        for found, expected in zip(results[kind]["weights"], alone["weights"], strict=True):
            assert float((found - expected).abs().median()) < 1e-5
            torch.testing.assert_close(found, expected, rtol=0, atol=2 * 3 * 0.002)


@pytest.mark.parametrize("kind", KINDS)
def test_two_processes_have_the_same_weights(kind, both):
    for one, other in zip(*(results[kind]["weights"] for results in both), strict=True):
        assert torch.equal(one, other)


def test_styles_that_no_process_drew_do_not_change(folder, both):
    """Also where another process drew them; Adam's momentum would move a zero gradient."""
    names = [*task("fixed", folder, Workers()).table.names]
    rows = [weight for weight in both[0]["fixed"]["weights"] if weight.ndim == 1][-len(names) :]
    moved = [bool(row.any()) for row in rows]
    assert 2 < sum(moved) < len(names)


def test_running_moments_are_those_of_the_whole_batch(folder, both):
    shares = [task("batch", folder, Share(rank, 2)) for rank in (0, 1)]
    for share in shares:
        share.step(0, 3)
    own = [share.network.running_moments for share in shares]
    assert any(not torch.allclose(*pair, rtol=1e-3) for pair in zip(*own, strict=True))
    for one, other, *parts in zip(*(results["moments"] for results in both), *own, strict=True):
        assert torch.equal(one, other)
        torch.testing.assert_close(one, torch.stack(parts).mean(0), rtol=1e-4, atol=1e-5)


def test_ranks_and_flags(both):
    assert [results["who"] for results in both] == [(0, 2), (1, 2)]
    assert [results["flags"] for results in both] == [[True, False], [True, False]]


# --- Alone ------------------------------------------------------------------------------------


def test_one_process_is_alone(monkeypatch):
    for count in (None, "1"):
        monkeypatch.delenv("WORLD_SIZE", raising=False)
        if count:
            monkeypatch.setenv("WORLD_SIZE", count)
        workers = launched_workers()
        assert (workers.rank, workers.count) == (0, 1)
        assert [workers.any(True), workers.any(False)] == [True, False]
        tensor = torch.ones(2)
        workers.average([tensor])
        workers.wait()
        assert torch.equal(tensor, torch.ones(2))


def test_several_processes_need_accelerate(monkeypatch):
    monkeypatch.setenv("WORLD_SIZE", "2")
    monkeypatch.setitem(sys.modules, "accelerate", None)
    with pytest.raises(OptionError, match=r"needs Accelerate: pip install '\.\[train\]' in"):
        launched_workers()
