"""``impasto export``: its files, what it prints, and mistakes as one sentence."""

from __future__ import annotations

import json
import os

import pytest
import torch

from helpers.tiny_networks import fixed_styles
from impasto.cli.main import run
from impasto.networks.files import save_network


@pytest.fixture
def model(tmp_path):
    """The file of a small model of two styles."""
    path = tmp_path / "small.safetensors"
    save_network(path, fixed_styles("johnson", "waves", "dots"), dtype=torch.float32)
    return path


def test_a_folder_is_written_and_told(model, tmp_path, capsys):
    out = tmp_path / "made" / "small"
    assert run(["export", str(model), "-o", str(out), "--format", "pt2"]) == 0
    printed = capsys.readouterr()
    size = (out / "painter.pt2").stat().st_size
    assert printed.out.strip() == f"{out / 'painter.pt2'}: {size / 1e6:.1f} MB"
    assert printed.err == ""
    assert sorted(os.listdir(out)) == ["model.json", "painter.pt2", "styles.npy"]
    assert run(["export", str(model), "-o", str(out), "--format", "pt2"]) == 2
    assert "replace it with --overwrite" in capsys.readouterr().err
    assert run(["export", str(model), "-o", str(out), "--format", "pt2", "--overwrite",
                "--json"]) == 0  # fmt: skip
    printed = json.loads(capsys.readouterr().out)
    assert printed == json.loads((out / "model.json").read_text("utf-8"))
    assert (printed["name"], printed["styles"]) == ("small", ["waves", "dots"])


@pytest.mark.parametrize(
    ("words", "sentence"),
    [
        (["export", "nothing", "-o", "out"], "Unknown model 'nothing': choose one of any, multi"),
        (["export", "no.safetensors", "-o", "out"], "no.safetensors"),
        (["export", "any", "-o", "small.safetensors"], "is a file: name a folder"),
        (["export", "any", "-o", "."], "holds other files already: name a new folder"),
        (["export", "compact", "-o", "out"], "Unknown model 'compact'"),
    ],
)
def test_a_mistake_is_one_sentence(words, sentence, model, tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    assert run(words) == 2
    error = capsys.readouterr().err
    assert sentence in error
    assert len(error.splitlines()) == 1
    assert os.listdir() == [model.name]


@pytest.mark.parametrize("words", [["export", "any"], ["export", "any", "-o", "x", "--format",
                                                      "tflite"]])  # fmt: skip
def test_wrong_usage_exits_with_2(words, capsys):
    with pytest.raises(SystemExit, match="2"):
        run(words)
    assert len(capsys.readouterr().err.splitlines()) == 1
