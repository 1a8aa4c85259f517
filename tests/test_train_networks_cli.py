"""``impasto train per-style|multi-style|any-style``, from folders to files that paint."""

from __future__ import annotations

import argparse
import csv
import re
import shutil
from pathlib import Path

import pytest
import torch
from PIL import Image
from torch import Tensor

from conftest import random_encoder, smooth_picture
from impasto import images
from impasto.adain import AdaINNetwork
from impasto.cli import train_networks
from impasto.cli.main import run
from impasto.encoder_files import save_encoder
from impasto.feedforward.stylist import OWN, Stylist
from impasto.johnson import JohnsonNetwork, JohnsonShape
from impasto.network_files import OnePassModel, load_network, save_network
from impasto.paint_network import PaintNetwork
from impasto.train.fixed_styles import FixedStylesTraining
from impasto.train.pictures import held_back
from impasto.train.runs import CHECKPOINT
from interrupting import interrupted_after
from test_board import scalars, shown
from test_train import log_of, same
from tiny_networks import ENCODER, any_style, fixed_styles

FAST = ["--crop", "64", "--batch", "2", "--steps", "2"]


@pytest.fixture(scope="module")
def data(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder of photographs, one of paintings, and a tiny encoder and models."""
    folder = tmp_path_factory.mktemp("data")
    for number, name in enumerate(("photos/a.png", "photos/b.jpg", "paintings/wave.png",
                                   "paintings/rain.png", "paintings/more/hatch.png")):  # fmt: skip
        images.write(folder / name, smooth_picture(90, 80 + 9 * number, seed=number))
    (folder / "photos" / "broken.jpg").write_bytes(b"\xff\xd8\xff broken")
    (folder / "photos" / "0.png").write_bytes(b"")
    (folder / "paintings" / "0.png").write_bytes(b"")
    (folder / "empty").mkdir()
    (folder / "broken").mkdir()
    (folder / "broken" / "x.png").write_bytes(b"")
    tiny = random_encoder(ENCODER)
    save_encoder(folder / "tiny.safetensors", tiny, dtype=torch.float32)
    models = {
        "fixed": fixed_styles("paint", "old", OWN),
        "any": any_style("paint", tiny),
        "adain": OnePassModel(AdaINNetwork(tiny)),
    }
    for name, model in models.items():
        model.encoder = str(folder / "tiny.safetensors")
        save_network(folder / f"{name}.safetensors", model, dtype=torch.float16)
    return folder


@pytest.fixture(autouse=True)
def small_sheets(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(train_networks, "_VALIDATION_SIDE", 96)
    monkeypatch.setattr(train_networks, "_VALIDATION_PAIRS", 2)


def command(data: Path, what: str, output: Path, *more: str, encoder: str = "tiny") -> list[str]:
    style = {
        "any-style": ["paintings"],
        "multi-style": ["paintings/wave.png", "paintings/rain.png"],
        "per-style": ["paintings/wave.png"],
    }[what]
    return [
        "train", what, "--content", str(data / "photos"), "--style",
        *[str(data / name) for name in style], "-o", str(output),
        "--encoder", str(data / f"{encoder}.safetensors") if encoder == "tiny" else encoder,
        *FAST, *more,
    ]  # fmt: skip


def painted(model: OnePassModel, vector: Tensor) -> Tensor:
    image = smooth_picture(48, 64, seed=1)
    stylist = Stylist(model, precision="float32")
    return stylist.paint(image, stylist.brush([vector], image))


# --- Models are made --------------------------------------------------------------------------


def test_any_style(data, tmp_path, capsys):
    output = tmp_path / "models" / "any.safetensors"
    assert run(command(data, "any-style", output, encoder="compact")) == 0
    model = load_network(output)
    assert isinstance(model.network, PaintNetwork)
    assert (model.encoder, model.styles) == ("compact", {})
    vectors = [Stylist(model).read(smooth_picture(64, 64, seed=seed)) for seed in (1, 2)]
    assert not torch.equal(painted(model, vectors[0]), painted(model, vectors[1]))
    out, err = capsys.readouterr()
    assert f"{output}: " in out
    assert "MB, after 2 steps" in out
    assert "2 unreadable pictures skipped (0.png, broken.jpg)" in err
    assert "1 unreadable pictures skipped (0.png)" in err
    assert "step 2: style " in err
    folder = tmp_path / "models" / "any-run"
    assert {path.name for path in folder.iterdir()} == {
        "checkpoint.pt", "log.csv", "validation.csv", "sheet-000002.jpg", "best.safetensors"
    }  # fmt: skip
    assert [row[0] for row in log_of(folder)] == ["step", "1", "2"]
    with Image.open(folder / "sheet-000002.jpg") as sheet:
        assert sheet.height > 2 * 320
    assert same(load_network(folder / "best.safetensors").network.state_dict(),
                model.network.state_dict())  # fmt: skip


def test_multi_style(data, tmp_path):
    output = tmp_path / "multi.safetensors"
    assert run(command(data, "multi-style", output, "--network", "johnson", "--quiet")) == 0
    model = load_network(output)
    assert isinstance(model.network, JohnsonNetwork)
    assert list(model.styles) == ["wave", "rain", OWN]
    assert model.predictor is None


@pytest.mark.parametrize(("more", "long_side"), [([], 140), (["--style-size", "72"], 72)])
def test_size_of_the_style_does_not_follow_the_crops(more, long_side, data, tmp_path, monkeypatch):
    sides = []

    def training(*given, **options):
        sides.extend(max(picture.shape[-2:]) for picture in given[4].values())
        return FixedStylesTraining(*given, **options)

    monkeypatch.setattr(train_networks, "FixedStylesTraining", training)
    monkeypatch.setattr(train_networks, "STYLE_SIDE", 140)
    both = ["--crop", "80", *more, "--quiet"]
    assert run(command(data, "multi-style", tmp_path / "x.safetensors", *both)) == 0
    assert sides == [long_side] * 2


def test_per_style(data, tmp_path, capsys):
    output, folder = tmp_path / "wave.safetensors", tmp_path / "elsewhere"
    more = ["--run", str(folder), "--steps", "4", "--validate-every", "2", "--quiet"]
    assert run(command(data, "per-style", output, *more)) == 0
    assert list(load_network(output).styles) == ["wave", OWN]
    assert capsys.readouterr().err == ""
    with (folder / "validation.csv").open(newline="") as file:
        rows = list(csv.DictReader(file))
    assert [row["step"] for row in rows] == ["2", "4"]
    assert all(float(row["style"]) > 0 < float(row["content"]) for row in rows)
    assert (folder / "sheet-000004.jpg").exists()


def test_adain(data, tmp_path):
    output = tmp_path / "adain.safetensors"
    both = ["--network", "adain", "--preset", "adain", "--quiet"]
    assert run(command(data, "any-style", output, *both)) == 0
    model = load_network(output)
    assert isinstance(model.network, AdaINNetwork)
    assert painted(model, Stylist(model).read(smooth_picture(64, 64, seed=1))).shape[-1] == 64


def test_johnsons_network_of_any_size_and_norm(data, tmp_path):
    """And what it makes paints: `impasto stylize`."""
    output, photo = tmp_path / "batch.safetensors", data / "photos" / "a.png"
    more = ["--network", "johnson", "--norm", "batch", "--widths", "8,16,32", "--blocks", "1"]
    assert run(command(data, "per-style", output, *more, "--quiet")) == 0
    model = load_network(output)
    assert model.network.shape == JohnsonShape((8, 16, 32), 1, "batch")
    assert float(model.network.get_buffer("first_moments")[0].abs().max()) > 0
    words = ["--model", str(output), "--style", "wave", "-o", str(tmp_path / "x.png")]
    assert run(["stylize", str(photo), *words]) == 0
    assert images.read(tmp_path / "x.png").tensor.shape == images.read(photo).tensor.shape


def test_an_added_style_leaves_batch_moments_as_they_are(data, tmp_path):
    """To the bit: by them a model is known to its saved styles."""
    begun, output = tmp_path / "batch.safetensors", tmp_path / "more.safetensors"
    more = ["--network", "johnson", "--norm", "batch", "--widths", "4,6,8", "--blocks", "1"]
    assert run(command(data, "per-style", begun, *more, "--quiet")) == 0
    more = ["--add-style", str(begun), "--style", str(data / "paintings" / "rain.png")]
    assert run(command(data, "multi-style", output, *more, "--steps", "3", "--quiet")) == 0
    one, other = load_network(begun), load_network(output)
    assert list(other.styles) == ["wave", OWN, "rain"]
    assert same(one.network.state_dict(), other.network.state_dict())


def test_a_folder_of_styles(data, tmp_path, capsys):
    output = tmp_path / "all.safetensors"
    images.write(tmp_path / "photos" / "1.jpg", smooth_picture(90, 90, seed=1))
    more = ["--style", str(data / "paintings"), str(data / "photos" / "a.png")]
    more += ["--content", str(tmp_path / "photos")]
    assert run(command(data, "multi-style", output, *more, "--hold-back")) == 0
    assert list(load_network(output).styles) == ["hatch", "rain", "wave", "a", OWN]
    assert "paintings: 1 unreadable pictures skipped (0.png)" in capsys.readouterr().err


def test_a_folder_of_one_style(data, tmp_path):
    output = tmp_path / "hatch.safetensors"
    more = ["--style", str(data / "paintings" / "more"), "--quiet"]
    assert run(command(data, "per-style", output, *more)) == 0
    assert list(load_network(output).styles) == ["hatch", OWN]


def test_any_style_off_a_single_picture(data, tmp_path):
    """Though its name is one of those that are held back."""
    output, picture = tmp_path / "any.safetensors", tmp_path / "26.jpg"
    images.write(picture, smooth_picture(90, 90, seed=1))
    assert held_back(picture)
    images.write(tmp_path / "photos" / "1.jpg", smooth_picture(90, 90, seed=1))
    more = ["--content", str(tmp_path / "photos")]
    more += ["--style", str(picture), "--hold-back", "--quiet"]
    assert run(command(data, "any-style", output, *more)) == 0
    assert load_network(output).predictor is not None


@pytest.mark.parametrize("option", ["--start", "--add-style"])
def test_what_begins_with_a_model_sees_whole_crops_from_the_start(option, data, tmp_path):
    parser = argparse.ArgumentParser()
    train_networks.configure(parser.add_subparsers())
    words = command(data, "multi-style", tmp_path / "x.safetensors")[1:]
    assert train_networks._settings(parser.parse_args(words)).first_share == 0.7
    assert train_networks._settings(parser.parse_args([*words, option, "any"])).first_share == 0


def test_an_encoder_in_a_file_is_found_from_any_folder(data, tmp_path, monkeypatch):
    shutil.copy(data / "tiny.safetensors", tmp_path)
    monkeypatch.chdir(tmp_path)
    words = command(data, "any-style", Path("m.safetensors"), "--quiet", "--encoder")
    assert run([*words, "tiny.safetensors"]) == 0
    (tmp_path / "elsewhere").mkdir()
    monkeypatch.chdir(tmp_path / "elsewhere")
    model = load_network("../m.safetensors")
    assert model.encoder == str(tmp_path / "tiny.safetensors")
    # Another copy of the same encoder goes on with it.
    words = command(data, "any-style", Path("n.safetensors"), "--start", "../m.safetensors")
    assert run([*words, "--quiet"]) == 0


def test_a_style_is_added(data, tmp_path):
    output, before = tmp_path / "more.safetensors", load_network(data / "fixed.safetensors")
    add = ["--add-style", str(data / "fixed.safetensors"), "--quiet"]
    assert run(command(data, "multi-style", output, *add)) == 0
    after = load_network(output)
    assert list(after.styles) == ["old", OWN, "wave", "rain"]
    assert same(after.network.state_dict(), before.network.state_dict())
    for name, vector in before.styles.items():
        assert torch.equal(after.styles[name], vector)
    for name in ("wave", "rain"):
        assert not torch.equal(after.styles[name], before.styles["old"])


def test_training_begins_with_another_models_weights(data, tmp_path):
    begun = load_network(data / "any.safetensors")
    outputs = []
    for what in ("any-style", "multi-style"):
        output = tmp_path / f"{what}.safetensors"
        more = ["--start", str(data / "any.safetensors"), "--learning-rate", "1e-9", "--quiet"]
        assert run(command(data, what, output, *more)) == 0
        outputs.append(load_network(output))
        for key, value in outputs[-1].network.state_dict().items():
            torch.testing.assert_close(value, begun.network.state_dict()[key], rtol=1e-3, atol=1e-6)
    # Styles begin as the predictor would have them.
    vector = outputs[1].styles["wave"]
    assert float(vector.abs().max()) > 0.01
    assert not torch.equal(vector, outputs[1].styles["rain"])


def test_training_goes_on_with_more_blocks(data, tmp_path):
    """At a rate of next to nothing: the same pictures as before, by a deeper network."""
    begun = load_network(data / "fixed.safetensors")
    output = tmp_path / "deeper.safetensors"
    more = ["--start", str(data / "fixed.safetensors"), "--blocks", "1,2,1"]
    more += ["--learning-rate", "1e-9", "--quiet"]
    assert run(command(data, "multi-style", output, *more)) == 0
    made = load_network(output)
    assert made.network.shape.blocks == (1, 2, 1)
    difference = painted(made, made.styles[OWN]) - painted(begun, begun.styles[OWN])
    assert float(difference.abs().max()) < 0.02


def test_a_new_network_has_as_many_blocks_as_told(data, tmp_path):
    output = tmp_path / "deep.safetensors"
    assert run(command(data, "per-style", output, "--blocks", "0,1,0", "--quiet")) == 0
    assert load_network(output).network.shape.blocks == (0, 1, 0)


# --- Stopped and gone on with -----------------------------------------------------------------


def test_stopped_and_gone_on_with_to_the_bit(data, tmp_path, capsys):
    whole, parts = (tmp_path / f"{name}.safetensors" for name in ("whole", "parts"))
    more = ["--steps", "4", "--validate-every", "3", "--quiet"]
    assert run(command(data, "any-style", whole, *more)) == 0
    with interrupted_after(2):
        assert run(command(data, "any-style", parts, *more)) == 130
    assert not parts.exists()
    out = capsys.readouterr().out
    assert f"stopped; the same command goes on from {tmp_path / 'parts-run'}" in out
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
    assert [step for step, _ in scalars(tmp_path / "x-run", "not trained on/content")] == [1, 2]
    assert len(shown(tmp_path / "x-run").Images("not trained on")) == 2


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
        model = fixed_styles("paint", "old", OWN)
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


# --- Mistakes ---------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("what", "more", "sentence"),
    [
        ("any-style", ["-o", "x.pt"], "x.pt: a model file is called .safetensors."),
        ("any-style", ["--steps", "0"], "--steps must be 1 or more, not 0."),
        ("any-style", ["--batch", "0"], "--batch must be 1 or more, not 0."),
        ("any-style", ["--validate-every", "-1"], "--validate-every must be 1 or more, not -1."),
        ("any-style", ["--crop", "63"], "--crop must be 64 or more, not 63."),
        ("per-style", ["--style-size", "63"], "--style-size must be 64 or more, not 63."),
        ("per-style", ["--style", "DATA/strip.png", "--encoder", "compact"], "strip.png"),
        ("any-style", ["--learning-rate", "nan"], "--learning-rate must be between 0 and 1"),
        ("any-style", ["--content-weight", "-1"], "--content-weight must be 0 or more, not -1"),
        ("any-style", ["--even-weight", "-1"], "--even-weight must be 0 or more, not -1"),
        ("any-style", ["--tv-weight", "inf"], "--tv-weight must be 0 or more, not inf"),
        ("any-style", ["--network", "adain"], "--network adain and --preset adain belong together"),
        ("any-style", ["--preset", "adain"], "--network adain and --preset adain belong together"),
        ("per-style", ["--preset", "adain", "--network", "adain"], "AdaIN paints any style"),
        ("any-style", ["--preset", "johnson"], "This encoder has no layer relu"),
        ("any-style", ["--encoder", "compct"], "Did you mean 'compact'?"),
        ("any-style", ["--content", "DATA/empty"], "holds no pictures ("),
        ("any-style", ["--content", "DATA/absent"], "There is no folder"),
        ("any-style", ["--style", "DATA/empty"], "holds no pictures ("),
        ("per-style", ["--style", "DATA/photos/broken.jpg"], "broken.jpg"),
        ("per-style", ["--style", "DATA/absent.jpg"], "absent.jpg"),
        ("multi-style", ["--style", "DATA/photos/a.png", "DATA/photos"],
         "needs a file name of its own"),
        ("per-style", ["--style", "DATA/paintings"],
         "paintings holds 4 pictures and per-style is of one"),
        ("per-style", ["--style", "DATA/broken"], "None of the 1 pictures in DATA/broken can be"),
        ("multi-style", ["--style", "DATA/absent"], "There is no folder or picture DATA/absent"),
        ("any-style", ["--style", "DATA/absent"], "There is no folder or picture DATA/absent"),
        ("per-style", ["--start", "DATA/any.safetensors", "--network", "johnson"],
         "any.safetensors is of kind paint: leave --network johnson out"),
        ("multi-style", ["--add-style", "DATA/fixed.safetensors", "--network", "johnson"],
         "fixed.safetensors is of kind paint: leave --network johnson out"),
        ("multi-style",
         ["--start", "DATA/any.safetensors", "--add-style", "DATA/fixed.safetensors"],
         "--add-style a vector of one: give one of them"),
        ("per-style", ["--norm", "batch"], "--norm is of --network johnson: give that, or leave"),
        ("any-style", ["--widths", "8,8,8"], "--widths is of --network johnson: give that"),
        ("any-style", ["--widths", "8,8", "--network", "johnson"],
         "--widths are three numbers, for example 32,64,128, not 8,8."),
        ("any-style", ["--widths", "8,8,0", "--network", "johnson"], "widths of at least 1"),
        ("any-style", ["--blocks", "3"], "--blocks of paint are three numbers, for example 1,5,2"),
        ("any-style", ["--network", "adain", "--preset", "adain", "--blocks", "3"],
         "--blocks are those of paint and johnson: leave"),
        ("multi-style", ["--start", "DATA/fixed.safetensors", "--norm", "batch"],
         "A trained model keeps its norm: leave --norm out"),
        ("per-style", ["--start", "DATA/adain.safetensors", "--preset", "adain"],
         "AdaIN paints any style"),
        ("multi-style", ["--start", "DATA/fixed.safetensors", "--blocks", "1,0,1"],
         "has blocks 1,1,1: --blocks can only add"),
        ("per-style", ["--network", "johnson", "--blocks", "1,2,1"],
         "--blocks of johnson is one number, for example 5, not 1,2,1."),
        ("multi-style", ["--add-style", "DATA/fixed.safetensors", "--blocks", "1,2,1"],
         "trains a vector alone: leave --blocks out"),
        ("any-style", ["--blocks", "1,-2,1"], "no fewer than 0 blocks"),
        ("any-style", ["--start", "no"], "Unknown model 'no'"),
        ("any-style", ["--start", "DATA/fixed.safetensors"], "is a model of fixed styles"),
        ("any-style", ["--start", "DATA/any.safetensors", "--encoder", "compact"],
         "reads styles with another encoder: --encoder DATA/tiny.safetensors"),
        ("any-style", ["--start", "DATA/tiny.safetensors"], "is no one-pass model"),
        ("multi-style", ["--start", "DATA/adain.safetensors"], "does not fit --preset default"),
        ("multi-style", ["--add-style", "DATA/any.safetensors"], "has no styles of its own"),
        ("multi-style", ["--add-style", "DATA/fixed.safetensors", "--style", "DATA/old.png"],
         "has a style old already"),
    ],
)  # fmt: skip
def test_a_mistake_is_one_sentence(what, more, sentence, data, tmp_path, capsys, monkeypatch):
    monkeypatch.chdir(tmp_path)
    images.write(data / "old.png", smooth_picture(64, 64, seed=1))
    images.write(data / "strip.png", smooth_picture(8, 300, seed=1))
    more = [word.replace("DATA", str(data)) for word in more]
    assert run([*command(data, what, tmp_path / "x.safetensors"), *more]) == 2
    errors = capsys.readouterr().err.splitlines()
    assert errors[-1].startswith("impasto: ")
    assert sentence.replace("DATA", str(data)) in errors[-1]
    assert not any("Traceback" in line for line in errors)
    assert list(tmp_path.iterdir()) == []


def test_several_processes_share_a_batch_evenly(data, tmp_path, capsys, monkeypatch):
    class Three(train_networks.Workers):
        count = 3

    monkeypatch.setattr(train_networks, "launched", lambda device: Three())
    assert run(command(data, "any-style", tmp_path / "x.safetensors")) == 2
    assert "--batch 2 cannot be shared evenly by 3 processes" in capsys.readouterr().err


def test_a_folder_without_a_single_good_picture(data, tmp_path, capsys):
    (tmp_path / "bad").mkdir()
    (tmp_path / "bad" / "x.png").write_bytes(b"x")
    more = ["--content", str(tmp_path / "bad")]
    assert run([*command(data, "per-style", tmp_path / "x.safetensors"), *more]) == 2
    assert "None of the 1 pictures can be read." in capsys.readouterr().err


def test_an_eighth_of_the_pictures_is_held_back(tmp_path):
    for name in ("1.jpg", "26.jpg", "2.jpg"):
        images.write(tmp_path / name, smooth_picture(90, 90, seed=len(name)))
    assert [name for name in ("1.jpg", "26.jpg", "2.jpg") if held_back(Path(name))] == ["26.jpg"]
    unseen = train_networks._unseen(str(tmp_path), argument(hold_back=True))
    assert [path.name for path in unseen] == ["26.jpg"]
    everything = train_networks._unseen(str(tmp_path), argument(hold_back=False))
    assert len(everything) == 3


def test_with_none_to_hold_back_the_validation_looks_at_all(data, tmp_path):
    photos = tmp_path / "photos"
    images.write(photos / "1.jpg", smooth_picture(90, 90, seed=1))
    more = ["--content", str(photos), "--hold-back", "--quiet"]
    assert run([*command(data, "per-style", tmp_path / "x.safetensors"), *more]) == 0


def argument(**values: object):
    return type("Arguments", (), values)


@pytest.mark.parametrize("what", train_networks.ABOUT)
def test_help_fits_a_screen(what, capsys):
    with pytest.raises(SystemExit) as end:
        run(["train", what, "-h"])
    assert end.value.code == 0
    text = capsys.readouterr().out
    assert len(text.splitlines()) < 60
    assert f"impasto train {what} --content" in text
