"""``impasto train encoder``: from two folders and a teacher to a file that sees."""

from __future__ import annotations

from pathlib import Path

import pytest
import torch

from helpers.interrupting import interrupted_after
from helpers.random_inputs import random_encoder, smooth_picture
from helpers.sentences import check_told
from helpers.tensorboard_logs import scalars
from helpers.trainings import log_of, same
from impasto import images
from impasto.cli.main import run
from impasto.encoders.files import save_encoder
from impasto.encoders.vgg import Architecture
from impasto.weights.open import open_encoder


@pytest.fixture(scope="module")
def data(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Photographs, paintings, and a teacher of a few channels."""
    folder = tmp_path_factory.mktemp("data")
    for number, name in enumerate(("photos/a.png", "photos/b.png", "paintings/c.png")):
        images.write(folder / name, smooth_picture(80, 90, seed=number))
    (folder / "photos" / "broken.jpg").write_bytes(b"\xff\xd8\xff broken")
    (folder / "empty").mkdir()
    teacher = random_encoder(Architecture((16, 32, 64, 128, 128), (2, 2, 4, 4, 1)))
    save_encoder(folder / "teacher.safetensors", teacher, dtype=torch.float32)
    small = random_encoder(Architecture((16, 32, 48, 128, 128), (2, 2, 4, 4, 1)))
    save_encoder(folder / "narrow.safetensors", small, dtype=torch.float32)
    shallow = random_encoder(Architecture((16, 32, 64), (2, 2, 4)))
    save_encoder(folder / "shallow.safetensors", shallow, dtype=torch.float32)
    return folder


def command(data: Path, output: Path, *more: str) -> list[str]:
    return [
        "train", "encoder", "--teacher", str(data / "teacher.safetensors"),
        "--content", str(data / "photos"), "--style", str(data / "paintings"),
        "-o", str(output), "--crop", "64", "--painted", "1", "--steps", "3",
        "--precision", "float32", "--device", "cpu", "--quiet", *more,
    ]  # fmt: skip


def test_an_encoder_is_made_that_can_be_opened(data, tmp_path, capsys):
    output = tmp_path / "small.safetensors"
    assert run(command(data, output, "--tensorboard")) == 0
    assert "after 3 steps" in capsys.readouterr().out
    encoder = open_encoder(str(output))
    features = encoder(smooth_picture(64, 64, seed=5), ["relu1_1", "relu5_1"])
    assert features["relu5_1"].shape == (1, encoder.channels("relu5_1"), 4, 4)
    assert all(feature.isfinite().all() for feature in features.values())
    rows = log_of(tmp_path / "small-run")
    assert [int(row[0]) for row in rows[1:]] == [1, 2, 3]
    hints = [(int(row[0]), float(row[rows[0].index("hints")])) for row in rows[1:]]
    assert scalars(tmp_path / "small-run", "loss/hints") == hints


def test_stopped_and_gone_on_with_to_the_bit(data, tmp_path, capsys):
    whole, parts = tmp_path / "whole.safetensors", tmp_path / "parts.safetensors"
    assert run(command(data, whole)) == 0
    with interrupted_after(1):
        assert run(command(data, parts)) == 130
    assert "the same command continues from" in capsys.readouterr().out
    assert not parts.exists()
    assert run(command(data, parts)) == 0
    assert same(open_encoder(str(parts)).state_dict(), open_encoder(str(whole)).state_dict())


def test_another_teacher_is_not_gone_on_with(data, tmp_path, capsys):
    output = tmp_path / "small.safetensors"
    assert run(command(data, output)) == 0
    capsys.readouterr()
    other = random_encoder(Architecture((16, 32, 64, 128, 128), (2, 2, 4, 4, 1)), seed=9)
    save_encoder(tmp_path / "other.safetensors", other, dtype=torch.float32)
    more = ["--teacher", str(tmp_path / "other.safetensors"), "--steps", "4"]
    assert run(command(data, output, *more)) == 2
    check_told(capsys, "was made with teacher ")


@pytest.mark.parametrize(
    ("more", "sentence"),
    [
        (["--steps", "0"], "--steps must be 1 or more, not 0."),
        (["--crop", "63"], "--crop must be 64 or more, not 63"),
        (["--painted", "-1"], "--painted must be 0 to 48, not -1."),
        (["--learning-rate", "1"], "--learning-rate must be between 0 and 1, not 1.0."),
        (["--teacher", "vgg9"], "vgg9"),
        (
            ["--teacher", "DATA/narrow.safetensors"],
            "has 48 channels at relu3_1, where the student has 64: name a larger teacher.",
        ),
        (["--teacher", "DATA/shallow.safetensors"], "This encoder has no layer relu"),
        (["--teacher", "DATA/photos/broken.jpg"], "broken.jpg"),
        (["--content", "DATA/empty"], "holds no pictures"),
        (["--style", "DATA/absent"], "There is no folder"),
        (["-o", "small.pth"], "is called .safetensors"),
    ],
)
def test_a_mistake_is_one_sentence(more, sentence, data, tmp_path, capsys, monkeypatch):
    monkeypatch.chdir(tmp_path)
    more = [word.replace("DATA", str(data)) for word in more]
    assert run([*command(data, Path("x.safetensors")), *more]) == 2
    check_told(capsys, sentence)
    assert list(tmp_path.iterdir()) == []


def test_help_fits_a_screen(capsys):
    with pytest.raises(SystemExit) as end:
        run(["train", "encoder", "-h"])
    assert end.value.code == 0
    assert len(capsys.readouterr().out.splitlines()) < 60
