"""``impasto train per-style|multi-style|any-style``, from folders to files that paint."""

from __future__ import annotations

import csv
import shutil
from pathlib import Path

import pytest
import torch
from PIL import Image

from helpers.network_trainings import command, make_sheets_small, painted, training_data
from helpers.random_inputs import smooth_picture
from helpers.trainings import log_of, same
from impasto import images
from impasto.cli.commands import train_networks
from impasto.cli.main import run
from impasto.cli.options import train_networks as options
from impasto.cli.shared.parser import Parser
from impasto.networks.adain import AdaINNetwork
from impasto.networks.files import load_network
from impasto.networks.johnson import JohnsonNetwork, JohnsonShape
from impasto.networks.model import IDENTITY
from impasto.networks.paint_network import PaintNetwork
from impasto.onepass.stylist import Stylist
from impasto.training.crops import is_held_out
from impasto.training.fixed_styles import FixedStylesTraining


@pytest.fixture(scope="module")
def data(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return training_data(tmp_path_factory.mktemp("data"))


@pytest.fixture(autouse=True)
def small_sheets(monkeypatch: pytest.MonkeyPatch) -> None:
    make_sheets_small(monkeypatch)


def test_any_style(data, tmp_path, capsys):
    output = tmp_path / "models" / "any.safetensors"
    assert run(command(data, "any-style", output, encoder="compact")) == 0
    model = load_network(output)
    assert isinstance(model.network, PaintNetwork)
    assert (model.encoder, model.styles) == ("compact", {})
    vectors = [Stylist(model).read_style(smooth_picture(64, 64, seed=seed)) for seed in (1, 2)]
    assert not torch.equal(painted(model, vectors[0]), painted(model, vectors[1]))
    out, err = capsys.readouterr()
    assert f"{output}: " in out
    assert "MB, after 2 steps" in out
    assert "2 unreadable pictures skipped (0.png, broken.jpg)" in err
    assert "1 unreadable picture skipped (0.png)" in err
    assert "step 2: style " in err
    folder = tmp_path / "models" / "any-run"
    assert {path.name for path in folder.iterdir()} == {
        "checkpoint.pt", "log.csv", "validation.csv", "sheet-000002.jpg", "best.safetensors",
        ".lock",
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
    assert list(model.styles) == ["wave", "rain", IDENTITY]
    assert model.predictor is None


@pytest.mark.parametrize(("more", "long_side"), [([], 140), (["--style-size", "72"], 72)])
def test_size_of_the_style_does_not_follow_the_crops(more, long_side, data, tmp_path, monkeypatch):
    sides = []

    def training(*given, **options):
        sides.extend(max(picture.shape[-2:]) for picture in given[4].values())
        return FixedStylesTraining(*given, **options)

    monkeypatch.setattr(train_networks, "FixedStylesTraining", training)
    monkeypatch.setattr(options, "STYLE_SIDE", 140)
    both = ["--crop", "80", *more, "--quiet"]
    assert run(command(data, "multi-style", tmp_path / "x.safetensors", *both)) == 0
    assert sides == [long_side] * 2


def test_per_style(data, tmp_path, capsys):
    output, folder = tmp_path / "wave.safetensors", tmp_path / "elsewhere"
    more = ["--run", str(folder), "--steps", "4", "--validate-every", "2", "--quiet"]
    assert run(command(data, "per-style", output, *more)) == 0
    assert list(load_network(output).styles) == ["wave", IDENTITY]
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
    assert painted(model, Stylist(model).read_style(smooth_picture(64, 64, seed=1))).shape[-1] == 64


def test_the_stroke_network_with_two_encoders(data, tmp_path):
    """It is trained, resumed and paints: `impasto stylize`."""
    output, photo = tmp_path / "strokes.safetensors", data / "photos" / "a.png"
    (tmp_path / "weights.txt").write_text("w* 2\n")
    more = ["--network", "strokes", "--preset", "strokes", "--fine-encoder", "compact"]
    more += ["--style-weights", str(tmp_path / "weights.txt"), "--crop", "96", "--quiet"]
    assert run(command(data, "any-style", output, *more)) == 0
    assert load_network(output).network.kind == "strokes"
    assert (tmp_path / "strokes-run" / "checkpoint.pt").exists()
    assert not (tmp_path / "strokes-run" / "measured").exists()  # of use only meanwhile
    words = ["--model", str(output), "--style", str(data / "paintings" / "rain.png")]
    assert run(["stylize", str(photo), *words, "-o", str(tmp_path / "x.png")]) == 0
    assert images.read(tmp_path / "x.png").tensor.shape == images.read(photo).tensor.shape
    fixed = tmp_path / "fixed.safetensors"
    start = ["--preset", "strokes", "--fine-encoder", "compact", "--start", str(output), "--quiet"]
    assert run(command(data, "multi-style", fixed, *start, "--crop", "96")) == 0
    words = ["--model", str(fixed), "--style", "wave", "--strength", "0.5"]
    assert run(["stylize", str(photo), *words, "-o", str(tmp_path / "y.png")]) == 0


@pytest.mark.slow
def test_a_recolouring_network_starts_from_a_paint_network(data, tmp_path):
    """It is trained with two encoders, resumed, deepened, and paints: `impasto stylize`."""
    first, output = tmp_path / "first.safetensors", tmp_path / "second.safetensors"
    assert run(command(data, "any-style", first, "--quiet")) == 0
    start = ["--network", "recolour", "--preset", "recolour", "--fine-encoder", "compact"]
    start += ["--start", str(first), "--crop", "96", "--quiet"]
    assert run(command(data, "any-style", output, *start)) == 0
    assert load_network(output).network.kind == "recolour"
    photo = data / "photos" / "a.png"
    words = ["--model", str(output), "--style", str(data / "paintings" / "rain.png")]
    assert run(["stylize", str(photo), *words, "-o", str(tmp_path / "x.png")]) == 0
    assert images.read(tmp_path / "x.png").tensor.shape == images.read(photo).tensor.shape
    larger = tmp_path / "larger.safetensors"
    more = ["--fine-encoder", "compact", "--preset", "recolour", "--crop", "96", "--quiet"]
    more += ["--start", str(output), "--blocks", "1,4,3"]
    assert run(command(data, "any-style", larger, *more)) == 0
    assert load_network(larger).network.shape.blocks == (1, 4, 3)


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
    assert list(other.styles) == ["wave", IDENTITY, "rain"]
    assert same(one.network.state_dict(), other.network.state_dict())


def test_a_folder_of_styles(data, tmp_path, capsys):
    output = tmp_path / "all.safetensors"
    images.write(tmp_path / "photos" / "1.jpg", smooth_picture(90, 90, seed=1))
    more = ["--style", str(data / "paintings"), str(data / "photos" / "a.png")]
    more += ["--content", str(tmp_path / "photos")]
    assert run(command(data, "multi-style", output, *more, "--hold-back")) == 0
    assert list(load_network(output).styles) == ["hatch", "rain", "wave", "a", IDENTITY]
    assert "paintings: 1 unreadable picture skipped (0.png)" in capsys.readouterr().err


def test_a_folder_of_one_style(data, tmp_path):
    output = tmp_path / "hatch.safetensors"
    more = ["--style", str(data / "paintings" / "more"), "--quiet"]
    assert run(command(data, "per-style", output, *more)) == 0
    assert list(load_network(output).styles) == ["hatch", IDENTITY]


def test_any_style_off_a_single_picture(data, tmp_path):
    """Though its name is one of those that are held back."""
    output, picture = tmp_path / "any.safetensors", tmp_path / "26.jpg"
    images.write(picture, smooth_picture(90, 90, seed=1))
    assert is_held_out(picture)
    images.write(tmp_path / "photos" / "1.jpg", smooth_picture(90, 90, seed=1))
    more = ["--content", str(tmp_path / "photos")]
    more += ["--style", str(picture), "--hold-back", "--quiet"]
    assert run(command(data, "any-style", output, *more)) == 0
    assert load_network(output).predictor is not None


@pytest.mark.parametrize("option", ["--start", "--add-style"])
def test_what_begins_with_a_model_sees_whole_crops_from_the_start(option, data, tmp_path):
    parser = Parser()
    options.configure(parser.add_subparsers())
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
    assert list(after.styles) == ["old", IDENTITY, "wave", "rain"]
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
    difference = painted(made, made.styles[IDENTITY]) - painted(begun, begun.styles[IDENTITY])
    assert float(difference.abs().max()) < 0.02


def test_a_new_network_has_as_many_blocks_as_told(data, tmp_path):
    output = tmp_path / "deep.safetensors"
    assert run(command(data, "per-style", output, "--blocks", "0,1,0", "--quiet")) == 0
    assert load_network(output).network.shape.blocks == (0, 1, 0)
