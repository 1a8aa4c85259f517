"""Trainings of one-pass networks that are stopped and gone on with, or refused to."""

from __future__ import annotations

import re
import shutil
from pathlib import Path

import pytest
import torch

from helpers.interrupting import interrupted_after
from helpers.network_trainings import command, make_sheets_small, training_data
from helpers.random_inputs import smooth_picture
from helpers.tensorboard_logs import scalars, shown
from helpers.tiny_networks import fixed_styles
from helpers.trainings import log_of, same
from impasto import images
from impasto.cli.main import run
from impasto.networks.files import load_network, save_network
from impasto.networks.model import IDENTITY
from impasto.training.loop import CHECKPOINT


@pytest.fixture(scope="module")
def data(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return training_data(tmp_path_factory.mktemp("data"))


@pytest.fixture(autouse=True)
def small_sheets(monkeypatch: pytest.MonkeyPatch) -> None:
    make_sheets_small(monkeypatch)


def test_stopped_and_gone_on_with_to_the_bit(data, tmp_path, capsys):
    whole, parts = (tmp_path / f"{name}.safetensors" for name in ("whole", "parts"))
    more = ["--steps", "4", "--validate-every", "3", "--quiet"]
    assert run(command(data, "any-style", whole, *more)) == 0
    with interrupted_after(2):
        assert run(command(data, "any-style", parts, *more)) == 130
    assert not parts.exists()
    out = capsys.readouterr().out
    assert f"stopped; the same command continues from {tmp_path / 'parts-run'}" in out
    assert run(command(data, "any-style", parts, *more)) == 0
    one, other = load_network(parts), load_network(whole)
    assert same(one.network.state_dict(), other.network.state_dict())
    assert same(one.predictor.state_dict(), other.predictor.state_dict())
    assert log_of(tmp_path / "parts-run") == log_of(tmp_path / "whole-run")


def test_the_best_before_a_pause_stays_the_best(data, tmp_path, monkeypatch):
    output = tmp_path / "x.safetensors"
    more = ["--validate-every", "1", "--quiet"]
    assert run(command(data, "per-style", output, *more)) == 0
    folder = tmp_path / "x-run"
    with (folder / "validation.csv").open("a") as file:
        file.write("2,0.0,0.0\n")
    kept = (folder / "best.safetensors").read_bytes()
    assert run(command(data, "per-style", output, *more, "--steps", "4")) == 0
    assert (folder / "best.safetensors").read_bytes() == kept


def test_tensorboard_is_shown_the_log_and_the_sheets(data, tmp_path):
    output = tmp_path / "x.safetensors"
    more = ["--validate-every", "1", "--tensorboard", "--quiet"]
    assert run(command(data, "per-style", output, *more)) == 0
    _, *rows = log_of(tmp_path / "x-run")
    header = log_of(tmp_path / "x-run")[0]
    style = [(int(row[0]), float(row[header.index("style")])) for row in rows]
    assert scalars(tmp_path / "x-run", "loss/style") == style
    assert [step for step, _ in scalars(tmp_path / "x-run", "validation/content")] == [1, 2]
    assert len(shown(tmp_path / "x-run").Images("validation")) == 2


def test_a_checkpoint_of_other_options_is_one_sentence(data, tmp_path, capsys):
    output = tmp_path / "x.safetensors"
    assert run(command(data, "per-style", output, "--quiet")) == 0
    capsys.readouterr()
    more = ["--network", "johnson", "--steps", "4", "--quiet"]
    assert run(command(data, "per-style", output, *more)) == 2
    err = capsys.readouterr().err
    assert f"{CHECKPOINT} was made with network paint, not johnson: give" in err


@pytest.mark.parametrize(
    ("first", "then", "sentence"),
    [
        (["--add-style", "A", "--style", "wave"], ["--add-style", "B", "--style", "wave"],
         "made with beginning model A (@), not B (@): give"),
        (["--start", "A"], ["--start", "B"], "made with beginning model A (@), not B (@): give"),
        (["--start", "A"], [], "made with shape widths=8/8/8,blocks=1/1/1,"),
        (["--start", "A"], ["--start", "A", "--blocks", "1,2,1"], "made with shape widths="),
        (["--network", "johnson"], ["--network", "johnson", "--norm", "batch"],
         "norm=instance, not widths=32/64/128,blocks=5,norm=batch: give"),
        (["--start", "A", "--style", "old"], ["--add-style", "A", "--style", "wave"],
         "made with style old (@), not wave (@): give"),
        ([], ["--encoder", "compact"], "made with encoder tiny (@), not compact (@): give"),
    ],
)  # fmt: skip
def test_a_run_of_another_model_is_not_gone_on_with(
    first, then, sentence, data, tmp_path, monkeypatch, capsys
):
    monkeypatch.chdir(tmp_path)
    for number, name in enumerate("AB"):
        model = fixed_styles("paint", "old", IDENTITY)
        model.styles["old"] += number  # all that tells them apart
        save_network(f"{name}.safetensors", model, dtype=torch.float32)
    for name in ("old", "wave"):
        images.write(Path(f"{name}.png"), smooth_picture(64, 64, seed=1))
    names = {name: f"{name}.safetensors" for name in "AB"}
    names |= {name: f"{name}.png" for name in ("old", "wave")}
    words = command(data, "multi-style", Path("x.safetensors"), "--quiet", "--steps")
    assert run([*words, "1", *[names.get(word, word) for word in first]]) == 0
    capsys.readouterr()
    assert run([*words, "2", *[names.get(word, word) for word in then]]) == 2
    errors = capsys.readouterr().err.splitlines()
    assert sentence in re.sub(r"\([0-9a-f]{8}\)", "(@)", errors[-1])
    assert len(errors) == 1


def test_a_checkpoint_of_before_models_were_noted_is_one_sentence(data, tmp_path, capsys):
    words = command(data, "per-style", tmp_path / "x.safetensors", "--quiet", "--steps")
    assert run([*words, "1"]) == 0
    path = tmp_path / "x-run" / CHECKPOINT
    saved = torch.load(path, weights_only=True)
    for name in ("network", "shape", "beginning model", "styles"):
        del saved["settings"][name]
    torch.save(saved, path)
    capsys.readouterr()
    assert run([*words, "2"]) == 2
    (error,) = capsys.readouterr().err.splitlines()
    assert "is of an earlier Impasto, which did not note its network: go on with" in error


@pytest.mark.parametrize("kept", [True, False])
def test_looks_of_steps_that_are_made_again_do_not_count(kept, data, tmp_path):
    """As after a hard kill: with a checkpoint of the second step, or none at all."""
    words = command(data, "per-style", tmp_path / "x.safetensors", "--validate-every", "1")
    folder, table = tmp_path / "x-run", tmp_path / "x-run" / "validation.csv"
    assert run([*words, "--quiet"]) == 0
    rows = table.read_text().splitlines()
    best = load_network(folder / "best.safetensors")
    (folder / "best.safetensors").write_bytes(b"stale")
    with table.open("a") as file:
        file.write("3,0.0,0.0\n1,0.")  # the last cut in the middle
    if not kept:
        (folder / CHECKPOINT).unlink()
        table.write_text(table.read_text().replace(rows[1], "1,0.0,0.0"))
    assert run([*words, "--steps", "3" if kept else "2", "--quiet"]) == 0
    after = table.read_text().splitlines()
    if kept:
        assert after[:3] == rows
        assert [row[:2] for row in after[3:]] == ["3,"]
        assert after[3] != "3,0.0,0.0"
    else:
        assert after == rows
        again = load_network(folder / "best.safetensors")
        assert same(again.network.state_dict(), best.network.state_dict())


@pytest.mark.parametrize(
    ("more", "sentence"),
    [
        (["--content-weight", "2"], "made with content layers relu4_1=0.25, not relu4_1=0.5: give"),
        (["--even-weight", "30"], "made with even weight 90, not 30: give"),
        (["--learning-rate", "0.001"], "made with learning rate 0.002, not 0.001: give"),
        (["--seed", "1"], "made with seed 0, not 1: give"),
    ],
)
def test_a_run_with_other_settings_is_not_gone_on_with(data, tmp_path, capsys, more, sentence):
    output = tmp_path / "x.safetensors"
    assert run(command(data, "per-style", output, "--quiet")) == 0
    capsys.readouterr()
    assert run(command(data, "per-style", output, *more, "--steps", "4", "--quiet")) == 2
    assert sentence in capsys.readouterr().err


@pytest.mark.parametrize("option", ["--content", "--style"])
def test_a_run_on_other_pictures_is_not_gone_on_with(data, tmp_path, capsys, option):
    """Told by the pictures, not by their folder: a copy of it elsewhere is the same."""
    output = tmp_path / "x.safetensors"
    first = [*command(data, "any-style", output, "--quiet"), "--steps", "1"]
    assert run(first) == 0
    folder = tmp_path / "copy"
    shutil.copytree(first[first.index(option) + 1], folder)
    assert run([*first, option, str(folder), "--steps", "2"]) == 0
    capsys.readouterr()
    images.write(min(folder.glob("*.*")), smooth_picture(80, 90, seed=77))
    assert run([*first, option, str(folder), "--steps", "3"]) == 2
    assert f"was made with {option[2:]} " in capsys.readouterr().err


def test_evenness_counts_as_much_as_told(data, tmp_path):
    losses = {}
    for weight in ("10", "40"):
        output = tmp_path / f"{weight}.safetensors"
        more = ["--even-weight", weight, "--steps", "1", "--quiet"]
        assert run(command(data, "per-style", output, *more)) == 0
        header, row = log_of(output.with_name(f"{weight}-run"))
        losses[weight] = dict(zip(header, map(float, row), strict=True))
    assert losses["40"]["even"] == pytest.approx(4 * losses["10"]["even"], rel=1e-4)
    assert losses["40"]["style"] == losses["10"]["style"]
    assert losses["10"]["even"] > 0
