"""``--device`` of every command, and the argument of the Python interface."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path

import pytest
import torch

import impasto
from helpers.emulated_device import NAME, emulated
from helpers.random_inputs import smooth_picture
from impasto import images
from impasto.cli.main import run
from impasto.jobs.events import Planned
from impasto.jobs.run import RunOptions
from impasto.runtime import devices

QUICK = ["--size", "64", "--steps", "2", "--final-steps", "2", "--scales", "1"]
PRECISE = ["--precision", "float32"]


@pytest.fixture
def away() -> Iterator[None]:
    with emulated():
        yield


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("pictures")
    for seed, name in enumerate(("photo.png", "painting.png")):
        images.write(folder / name, smooth_picture(48, 64, seed=seed))
    mask = torch.zeros(1, 3, 48, 64)
    mask[..., :32] = 1
    images.write(folder / "mask.png", mask)
    return folder


def check_picture(command: list[str], folder: Path, tmp_path: Path, atol: float = 0.02) -> None:
    """Run a command on the device and on the CPU; the pictures are nearly the same."""
    pictures = []
    for device in (NAME, "cpu"):
        output = tmp_path / f"{device}.png"
        words = [str(folder / word) if word.endswith(".png") else word for word in command]
        assert run([*words, "-o", str(output), "--device", device, "--quiet"]) == 0
        pictures.append(images.read(output).tensor)
    torch.testing.assert_close(*pictures, atol=atol, rtol=0)


@pytest.mark.parametrize(
    "command",
    [
        ["paint", "photo.png", "painting.png", *QUICK, *PRECISE],
        ["texture", "painting.png", "--size", "64x48", "--steps", "2", "--final-steps", "2",
         "--scales", "1", *PRECISE, "--tileable"],
        ["reconstruct", "photo.png", *QUICK, *PRECISE, "--layer", "relu2_1"],
        ["stylize", "photo.png", "--style", "painting.png", *PRECISE],
        ["stylize", "photo.png", "--style", "great-wave", "--strength", "0.7", *PRECISE],
        ["inspect", "photo.png", "--layer", "relu2_1"],
        ["inspect", "photo.png", "--layer", "relu2_1", "--against", "painting.png"],
        ["inspect", "photo.png", "--layer", "relu1_1", "--channel", "1", "--steps", "1"],
    ],
    ids=lambda words: " ".join(word for word in words[:6]),
)  # fmt: skip
def test_pictures_of_a_command(command, folder, tmp_path, away):
    check_picture(command, folder, tmp_path)


def test_a_start_painted_in_one_pass(folder, tmp_path, away):
    # The network computes in bfloat16 where that is faster: here, or not at all.
    words = ["paint", "photo.png", "painting.png", *QUICK, *PRECISE, "--init", "any"]
    check_picture(words, folder, tmp_path, atol=0.1)


def test_regions_of_one_pass(folder, tmp_path, away):
    region = f"left={folder / 'mask.png'}"
    check_picture(
        ["stylize", "photo.png", "--style", "painting.png", *PRECISE, "--region", region],
        folder, tmp_path,
    )  # fmt: skip


def test_rerun(folder, tmp_path, away):
    first = tmp_path / "first.png"
    words = ["paint", str(folder / "photo.png"), str(folder / "painting.png"), *QUICK, *PRECISE]
    assert run([*words, "-o", str(first), "--device", NAME, "--quiet"]) == 0
    assert NAME not in json.dumps(images.read_metadata(first))
    assert run(["rerun", "--trust", str(first), "-o", str(tmp_path / "b.png"), "--device", "cpu",
                "--quiet"]) == 0  # fmt: skip
    pictures = [images.read(path).tensor for path in (first, tmp_path / "b.png")]
    torch.testing.assert_close(*pictures, atol=0.01, rtol=0)


def test_compare(folder, tmp_path, away):
    check_picture(
        ["compare", "photo.png", "painting.png", "--sweep", "style-weight=1,10", *QUICK, *PRECISE,
         "--cell-height", "48"],
        folder, tmp_path,
    )  # fmt: skip


def test_features(folder, capsys, away):
    printed = []
    for device in (NAME, "cpu"):
        paths = [str(folder / "photo.png"), str(folder / "painting.png")]
        assert run(["features", *paths, "--size", "64", "--json", "--device", device]) == 0
        printed.append(json.loads(capsys.readouterr().out))
    for row, other in zip(*printed, strict=True):
        assert row["gram"] == pytest.approx(other["gram"], rel=1e-3)
        assert row["first"]["mean"] == pytest.approx(other["first"]["mean"], rel=1e-3, abs=1e-5)


def test_evaluate(folder, tmp_path, capsys, monkeypatch, away):
    monkeypatch.setenv("IMPASTO_CACHE", str(tmp_path / "empty"))
    results = tmp_path / "results"
    images.write(results / "photo-painting.png", smooth_picture(48, 64, seed=5))
    sources = ["--content", str(folder / "photo.png"), "--style", str(folder / "painting.png")]
    values = []
    for device in (NAME, "cpu"):
        assert run(["evaluate", str(results), *sources, "--json", "--device", device]) == 0
        (row,) = json.loads(capsys.readouterr().out)["pictures"]
        values.append({name: v for name, v in row.items() if isinstance(v, float)})
    assert {"gram", "ssim", "colours", "histogram", "cfsd", "tv"} <= set(values[0])
    assert values[0] == pytest.approx(values[1], rel=1e-3, abs=1e-6)


def test_the_python_interface(folder, away):
    photo, painting = str(folder / "photo.png"), str(folder / "painting.png")
    changes = {"size": 64, "steps": 2, "final_steps": 2, "scales": 1, "precision": "float32"}
    made = [impasto.paint(photo, painting, device=d, **changes) for d in (NAME, "cpu")]
    made += [impasto.texture(painting, 48, device=NAME, steps=1, scales=1)]
    made += [impasto.stylize(photo, painting, device=NAME)]
    assert {result.tensor.device.type for result in made} == {"cpu"}
    torch.testing.assert_close(made[0].tensor, made[1].tensor, atol=1e-3, rtol=0)


def test_the_plan_tells_the_device(folder, away):
    recipe = impasto.get_recipe("default").replace(size=64, steps=1, final_steps=1)
    style = impasto.StyleInput(str(folder / "painting.png"))
    request = impasto.PaintRequest(str(folder / "photo.png"), (style,), recipe)
    planned = next(e for e in impasto.run(request, RunOptions(device=NAME)) if type(e) is Planned)
    assert planned.device == f"{NAME}:0"
    planned = next(e for e in impasto.run(request, RunOptions(device="cpu")) if type(e) is Planned)
    assert planned.device == "cpu"


@pytest.mark.parametrize("command", [
    ["paint", "photo.png", "painting.png"], ["texture", "painting.png"],
    ["reconstruct", "photo.png", "--layer", "relu2_1"],
    ["stylize", "photo.png", "--style", "painting.png"], ["inspect", "photo.png"],
    ["compare", "photo.png", "painting.png", "--sweep", "style-weight=1,2"],
])  # fmt: skip
def test_a_device_that_is_not_there_is_one_sentence(command, folder, tmp_path, capsys, monkeypatch):
    monkeypatch.setattr(torch.cuda, "is_available", lambda: False)
    words = [str(folder / word) if word.endswith(".png") else word for word in command]
    assert run([*words, "-o", str(tmp_path / "out.png"), "--device", "cuda:1"]) == 2
    assert capsys.readouterr().err.startswith("impasto: --device cuda:1: this PyTorch")
    assert list(tmp_path.iterdir()) == []


def test_the_commands_use_the_cpu_where_there_is_nothing_else(monkeypatch):
    for name in ("cuda", "xpu"):
        monkeypatch.setattr(getattr(torch, name), "is_available", lambda: False)
    monkeypatch.setattr(torch.backends.mps, "is_available", lambda: False)
    assert devices.find_device("auto") == devices.CPU
