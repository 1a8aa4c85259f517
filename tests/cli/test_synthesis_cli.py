"""``impasto texture`` and ``impasto reconstruct``, and the two functions, end to end."""

from __future__ import annotations

import json
import signal
import subprocess
import sys
import time

import numpy as np
import pytest
import torch
from PIL import Image

import impasto
from helpers.sentences import check_told
from impasto import images
from impasto.cli.main import run
from impasto.images.samples import PAIRS
from impasto.jobs.request_json import from_metadata

PAIR = PAIRS["tuebingen-starry-night"]
QUICK = ["--smallest", "64", "--steps", "3", "--final-steps", "2"]


@pytest.fixture(scope="module")
def pictures(tmp_path_factory):
    folder = tmp_path_factory.mktemp("pictures")
    for name, source in (("photo.png", PAIR.content_path), ("painting.png", PAIR.style_path)):
        images.write(folder / name, images.read(source, long_side=96).tensor)
    return folder


def pixels(path):
    with Image.open(path) as image:
        return np.asarray(image)


def test_the_functions(pictures, tmp_path):
    quick = {"smallest": 64, "steps": 3, "final_steps": 2}
    first = impasto.texture(pictures / "painting.png", (96, 64), tileable=True, **quick)
    assert first.tensor.shape == (1, 3, 64, 96)
    assert first.recipe.seed == 0
    other = impasto.texture([pictures / "painting.png"], "96x64", tileable=True, seed=1, **quick)
    assert not torch.equal(first.tensor, other.tensor)
    again = impasto.reconstruct(pictures / "photo.png", "relu1_1", size=96, **quick)
    assert again.tensor.shape == (1, 3, 72, 96)
    layers = ["relu1_1", "relu2_1"]
    texture = impasto.reconstruct(pictures / "photo.png", style_layers=layers, size=96, **quick)
    assert texture.recipe.style_layers == {"relu1_1": 0.5, "relu2_1": 0.5}
    texture.save(tmp_path / "out.png")
    request = from_metadata(images.read_metadata(tmp_path / "out.png"))
    assert (request.kind, request.source) == ("reconstruct", "style")


def texture(pictures, output, *options):
    words = ["texture", str(pictures / "painting.png"), "-o", str(output)]
    return run([*words, "--size", "96x64", *QUICK, *options])


def test_texture_command(pictures, tmp_path, capsys):
    output = tmp_path / "new" / "out.png"
    assert texture(pictures, output, "--seed", "5", "--json") == 0
    outcome = json.loads(capsys.readouterr().out)
    assert (outcome["width"], outcome["height"], outcome["finished"]) == (96, 64, True)
    request = from_metadata(images.read_metadata(output))
    assert request.recipe.seed == 5
    assert (request.kind, request.size) == ("texture", (64, 96))
    assert list(output.parent.iterdir()) == [output]


def test_texture_same_seed_same_pixels_and_rerun(pictures, tmp_path):
    for name, seed in (("a", "1"), ("b", "1"), ("c", "2")):
        path = tmp_path / f"{name}.png"
        assert texture(pictures, path, "--seed", seed, "--quiet", "--tileable") == 0
    assert (pixels(tmp_path / "a.png") == pixels(tmp_path / "b.png")).all()
    assert (pixels(tmp_path / "a.png") != pixels(tmp_path / "c.png")).any()
    assert (
        run(["rerun", "--trust", str(tmp_path / "a.png"), "-o", str(tmp_path / "d.png"), "--quiet"])
        == 0
    )
    assert (pixels(tmp_path / "a.png") == pixels(tmp_path / "d.png")).all()


def test_texture_reports_its_rounded_size(pictures, tmp_path, capsys):
    assert texture(pictures, tmp_path / "out.png", "--size", "100x70", "--tileable") == 0
    assert "rounded to 96×64 px" in capsys.readouterr().err
    assert pixels(tmp_path / "out.png").shape == (64, 96, 3)


@pytest.mark.parametrize("options", [["--layer", "conv2_1"], ["--style-layers", "relu1_1,relu2_1"]])
def test_reconstruct_command_and_rerun(pictures, tmp_path, options):
    words = ["reconstruct", str(pictures / "photo.png"), "--size", "96", "--quiet", *QUICK]
    output, again = tmp_path / "out.png", tmp_path / "again.png"
    assert run([*words, "-o", str(output), *options]) == 0
    assert pixels(output).shape == (72, 96, 3)
    assert run(["rerun", "--trust", str(output), "-o", str(again), "--quiet"]) == 0
    assert (pixels(output) == pixels(again)).all()


def test_figure_command(pictures, tmp_path, capsys):
    output = tmp_path / "sheet.png"
    words = ["reconstruct", str(pictures / "photo.png"), "--size", "64", "--figure"]
    assert run([*words, "-o", str(output), "--smallest", "64", "--steps", "2"]) == 0
    # Two rows of the picture itself and five reconstructions.
    with Image.open(output) as sheet:
        assert sheet.size[0] == 6 * (64 + 12) + 12
        assert sheet.size[1] == 2 * (48 + 22 + 12) + 12
    printed = capsys.readouterr()
    assert "10/10 style to conv5_1" in printed.err
    assert "sheet.png" in printed.out
    request = from_metadata(images.read_metadata(output))
    assert (request.kind, request.source) == ("reconstruct", "figure")
    assert list(tmp_path.iterdir()) == [output]


WRONG = {
    "size": (["texture", "S", "-o", "O", "--size", "big"], "1024x512"),
    "narrow": (["texture", "S", "-o", "O", "--size", "512x16"], "32 px"),
    "tiny": (["texture", "S", "-o", "O", "--size", "8"], "--size"),
    "texture layer": (["texture", "S", "-o", "O", "--style-layers", "relu9_1"], "relu1_1"),
    "missing style": (["texture", "no.png", "-o", "O"], "no.png"),
    "extension": (["texture", "S", "-o", "out.xyz"], ".png"),
    "nothing asked": (["reconstruct", "C", "-o", "O"], "--layer"),
    "layer": (["reconstruct", "C", "-o", "O", "--layer", "conv9_9"], "conv4_2"),
    "style layer": (["reconstruct", "C", "-o", "O", "--style-layers", "x"], "relu1_1"),
    "small image": (["reconstruct", "T", "-o", "O", "--layer", "relu5_1"], "too small"),
    "figure log": (["reconstruct", "C", "-o", "O", "--figure", "--log", "x.csv"], "--log"),
}


@pytest.mark.parametrize("case", WRONG)
def test_a_mistake_gets_one_sentence(case, pictures, tmp_path, capsys, monkeypatch):
    monkeypatch.chdir(tmp_path)
    Image.new("RGB", (4, 4)).save(pictures / "tiny.png")
    words, named = WRONG[case]
    places = {"C": "photo.png", "S": "painting.png", "T": "tiny.png"}
    words = [str(pictures / places[w]) if w in places else w for w in words]
    words = ["out.png" if w == "O" else w for w in words]
    assert run(words) == 2
    check_told(capsys, named)
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize("kind", ["texture", "figure"])
def test_ctrl_c_saves_what_there_is(kind, pictures, tmp_path):
    output = tmp_path / "out.png"
    words = {
        "texture": ["texture", str(pictures / "painting.png"), "--size", "128", "--tileable"],
        "figure": ["reconstruct", str(pictures / "photo.png"), "--figure"],
    }[kind]
    command = [sys.executable, "-m", "impasto", *words, "-o", str(output), "--steps", "4000"]
    begun = {"texture": "memory", "figure": "1/10"}[kind]
    with subprocess.Popen(command, stderr=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as it:
        assert it.stderr is not None
        while begun not in it.stderr.readline():
            assert it.poll() is None
        time.sleep(1.0)
        it.send_signal(signal.SIGINT)
        told, _ = it.communicate(timeout=60)
    assert it.returncode == 130
    assert "stopped" in told
    assert pixels(output).ndim == 3
    assert "--resume" in told
    assert (tmp_path / "out.png.checkpoint").exists()
