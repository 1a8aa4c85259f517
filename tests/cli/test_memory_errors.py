"""Out of memory: a sentence for each picture, and the rest goes on."""

import json
import subprocess
import sys

import pytest
import torch

from helpers.random_inputs import smooth_picture
from impasto import images
from impasto.cli.main import run
from impasto.evaluation.evaluator import Evaluator
from impasto.images.samples import PAIRS
from impasto.onepass.stylizer import Stylizer

PAIR = next(iter(PAIRS.values()))
ERRORS = [
    RuntimeError("could not create a primitive"),
    RuntimeError("std::bad_alloc"),
    RuntimeError("can't start new thread"),
    RuntimeError("DefaultCPUAllocator: can't allocate memory: you tried to allocate 8000000 bytes"),
    MemoryError(),
]


@pytest.fixture
def photos(tmp_path):
    """A folder of three, the second of which is larger."""
    for name, side in (("a", 64), ("b", 96), ("c", 64)):
        images.write(tmp_path / "photos" / f"{name}.png", smooth_picture(64, side, seed=1))
    return tmp_path / "photos"


def fail_if_wide(monkeypatch, owner, name, error, width):
    """Let a method fail for pictures of that width."""
    real = getattr(owner, name)

    def failing(self, first, *args, **options):
        size = getattr(first, "size", None) or images.read(first).size
        if size[1] == width:
            raise error
        return real(self, first, *args, **options)

    monkeypatch.setattr(owner, name, failing)


@pytest.mark.parametrize("error", ERRORS, ids=str)
def test_stylize_goes_on(photos, tmp_path, monkeypatch, capsys, error):
    fail_if_wide(monkeypatch, Stylizer, "paint", error, 96)
    words = ["stylize", str(photos), "--style", str(PAIR.style_path), "-o", str(tmp_path / "out")]
    assert run([*words, "--json"]) == 2
    printed = capsys.readouterr()
    report = json.loads(printed.out)
    assert [item["output"][-5:] for item in report["made"]] == ["a.png", "c.png"]
    (failure,) = report["failed"]
    assert "b.png: There is not enough memory (" in failure["error"]
    assert "Traceback" not in printed.err


def test_stylize_goes_on_after_a_picture_that_cannot_be_written(
    photos, tmp_path, monkeypatch, capsys
):
    from impasto.jobs.results import Result

    real = Result.save

    def save(result, path, **options):
        if result.tensor.shape[-1] == 96:
            raise MemoryError
        return real(result, path, **options)

    monkeypatch.setattr(Result, "save", save)
    words = ["stylize", str(photos), "--style", str(PAIR.style_path), "-o", str(tmp_path / "out")]
    assert run(words) == 2
    assert "b.png: There is not enough memory (out of memory)" in capsys.readouterr().err
    assert sorted(path.name for path in (tmp_path / "out").iterdir()) == ["a.png", "c.png"]


@pytest.mark.parametrize("error", ERRORS, ids=str)
def test_evaluate_goes_on(photos, monkeypatch, capsys, error):
    fail_if_wide(monkeypatch, Evaluator, "__call__", error, 96)
    pair = ["--content", str(PAIR.content_path), "--style", str(PAIR.style_path)]
    told = {"content": str(PAIR.content_path), "style": json.dumps([str(PAIR.style_path)])}
    for name, side in (("a", 64), ("b", 96), ("c", 64)):
        result = images.read(PAIR.content_path, long_side=side)
        images.write(photos / f"{name}.png", result.tensor, metadata=told)
    assert run(["evaluate", str(photos), *pair, "--metrics", "tv", "--json"]) == 2
    printed = capsys.readouterr()
    assert len(json.loads(printed.out)["pictures"]) == 2
    assert "b.png: There is not enough memory" in printed.err
    assert "1 of 3 results" in printed.err


def test_a_painting_without_memory_is_one_sentence(tmp_path, monkeypatch, capsys):
    from impasto.jobs import optimization

    def failing(*_, **__):
        raise RuntimeError("could not create a primitive")

    monkeypatch.setattr(optimization, "read_styles", failing)
    words = ["paint", str(PAIR.content_path), str(PAIR.style_path), "--size", "64"]
    assert run([*words, "-o", str(tmp_path / "a.png")]) == 2
    message = capsys.readouterr().err
    assert (
        "There is not enough memory (could not create a primitive): give a smaller --size"
        in message
    )


LIMITED = """
import resource, sys, psutil
from impasto.cli.main import run
import impasto.jobs.run
room = int(sys.argv[1])
limit = psutil.Process().memory_info().vms + room
resource.setrlimit(resource.RLIMIT_AS, (limit, limit))
sys.exit(run(sys.argv[2:]))
"""


@pytest.mark.skipif(sys.platform != "linux", reason="macOS does not enforce it, Windows has none")
@pytest.mark.parametrize("megabytes", [40, 60, 90, 120, 200])
def test_under_a_real_limit_there_is_no_traceback(photos, tmp_path, megabytes):
    images.write(photos / "b.png", torch.rand(1, 3, 1500, 2000))
    words = ["stylize", str(photos), "--style", "starry-night", "-o", str(tmp_path / "out")]
    answer = subprocess.run(
        [sys.executable, "-c", LIMITED, str(megabytes * 10**6), *words],
        capture_output=True, text=True,
    )  # fmt: skip
    assert answer.returncode in (0, 2), answer.stderr
    assert "Traceback" not in answer.stderr


# --- sizes of strangers' recipes ------------------------------------------------------------------


@pytest.mark.parametrize("limit", [[], ["--max-pixels", "1000000000", "--memory", "2GB"]])
def test_a_huge_texture_is_refused_before_anything_is_made(tmp_path, capsys, limit, monkeypatch):
    made = []
    monkeypatch.setattr("impasto.painting.texture._blank", lambda size: made.append(size))
    words = ["texture", str(PAIR.style_path), "--size", "30000x30000", *limit]
    assert run([*words, "-o", str(tmp_path / "a.png")]) == 2
    message = capsys.readouterr().err
    assert "30000×30000 px" in message
    assert "at most 200000000 are made" in message or "GB of memory, more than the 2 GB" in message
    assert not made
