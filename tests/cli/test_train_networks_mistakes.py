"""``impasto train per-style|multi-style|any-style`` with what cannot be: one sentence each."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from helpers.network_trainings import command, make_sheets_small, training_data
from helpers.random_inputs import smooth_picture
from impasto import images
from impasto.cli.commands import train_networks
from impasto.cli.main import run
from impasto.cli.options.train_networks import ABOUT
from impasto.training.crops import HOLD_BACK_FROM, held_out, is_held_out


@pytest.fixture(scope="module")
def data(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return training_data(tmp_path_factory.mktemp("data"))


@pytest.fixture(autouse=True)
def small_sheets(monkeypatch: pytest.MonkeyPatch) -> None:
    make_sheets_small(monkeypatch)


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
        ("per-style", ["--preset", "adain", "--network", "adain"],
         "Networks of kind adain paint any style: impasto train any-style, not per-style."),
        ("any-style", ["--fine-encoder", "compact"], "--fine-encoder needs --preset recolour or"),
        ("per-style", ["--deep-encoder", "compact"], "--deep-encoder needs --preset recolour or"),
        ("any-style", ["--preset", "strokes", "--fine-encoder", "compct"], "'compact'?"),
        ("any-style", ["--style-weights", "DATA/strip.png"], "strip.png cannot be read as text"),
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
        ("per-style", ["--style", "DATA/broken"], "None of 1 picture in DATA/broken can be"),
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
         "--widths of johnson is 3 numbers, for example 32,64,128, not 8,8."),
        ("any-style", ["--widths", "8,8,0", "--network", "johnson"], "widths of at least 1"),
        ("any-style", ["--blocks", "3"],
         "--blocks of paint is 3 numbers, for example 1,4,2, not 3."),
        ("any-style", ["--network", "adain", "--preset", "adain", "--blocks", "3"],
         "--blocks is of --network paint or recolour or strokes or johnson: give that, or leave"),
        ("multi-style", ["--start", "DATA/fixed.safetensors", "--norm", "batch"],
         "A trained model keeps its norm: leave --norm out"),
        ("per-style", ["--start", "DATA/adain.safetensors", "--preset", "adain"],
         "Networks of kind adain paint any style: impasto train any-style, not per-style."),
        ("multi-style", ["--start", "DATA/fixed.safetensors", "--blocks", "1,0,1"],
         "has blocks 1,1,1: --blocks can only add"),
        ("per-style", ["--network", "johnson", "--blocks", "1,2,1"],
         "--blocks of johnson is 1 number, for example 5, not 1,2,1."),
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

    monkeypatch.setattr(train_networks, "launched_workers", lambda device: Three())
    assert run(command(data, "any-style", tmp_path / "x.safetensors")) == 2
    assert "--batch 2 cannot be shared evenly by 3 processes" in capsys.readouterr().err


def test_a_folder_without_a_single_good_picture(data, tmp_path, capsys):
    (tmp_path / "bad").mkdir()
    (tmp_path / "bad" / "x.png").write_bytes(b"x")
    more = ["--content", str(tmp_path / "bad")]
    assert run([*command(data, "per-style", tmp_path / "x.safetensors"), *more]) == 2
    assert "None of 1 picture can be read." in capsys.readouterr().err


def test_an_eighth_of_the_pictures_is_held_back(tmp_path):
    for name in ("1.jpg", "26.jpg", "2.jpg"):
        images.write(tmp_path / name, smooth_picture(90, 90, seed=len(name)))
    assert [name for name in ("1.jpg", "26.jpg", "2.jpg") if is_held_out(Path(name))] == ["26.jpg"]
    paths = sorted(tmp_path.iterdir())
    assert [path.name for path in held_out(paths, True)] == ["26.jpg"]
    assert held_out(paths, False) == held_out(paths) == []
    many = [Path(f"{number}.jpg") for number in range(2 * HOLD_BACK_FROM)]
    assert held_out(many) == [path for path in many if is_held_out(path)] != []


FIGURES = re.compile(r"^step \d+: style [\d.]+, content [\d.]+ on (.+)$", re.MULTILINE)


@pytest.mark.parametrize(
    ("what", "options", "told"),
    [
        ("multi-style", [], "photographs not trained on"),
        ("multi-style", ["--no-hold-back"], "photographs trained on, since none are held back"),
        ("any-style", [],
         "photographs not trained on, styles trained on, since none are held back"),
        ("any-style", ["--hold-back"], "photographs and styles not trained on"),
        ("any-style", ["--no-hold-back"],
         "photographs and styles trained on, since none are held back"),
    ],
)  # fmt: skip
def test_figures_say_whether_their_pictures_are_trained_on(
    what, options, told, data, tmp_path, capsys
):
    """Of sixteen photographs and three paintings, one each has a name that is held back."""
    small = smooth_picture(80, 80, seed=1)
    for number in (*range(14), 26, 27):
        images.write(tmp_path / "photos" / f"{number}.jpg", small)
    for number in (1, 2, 26):
        images.write(tmp_path / "styles" / f"{number}.jpg", small)
    more = ["--content", str(tmp_path / "photos"), *options]
    if what == "any-style":
        more += ["--style", str(tmp_path / "styles")]
    assert run([*command(data, what, tmp_path / "x.safetensors"), *more]) == 0
    assert set(FIGURES.findall(capsys.readouterr().err)) == {told}


def test_with_none_to_hold_back_the_validation_looks_at_all(data, tmp_path):
    photos = tmp_path / "photos"
    images.write(photos / "1.jpg", smooth_picture(90, 90, seed=1))
    more = ["--content", str(photos), "--hold-back", "--quiet"]
    assert run([*command(data, "per-style", tmp_path / "x.safetensors"), *more]) == 0


def argument(**values: object):
    return type("Arguments", (), values)


@pytest.mark.parametrize("what", ABOUT)
def test_help_fits_a_screen(what, capsys):
    with pytest.raises(SystemExit) as end:
        run(["train", what, "-h"])
    assert end.value.code == 0
    text = capsys.readouterr().out
    assert len(text.splitlines()) < 60
    assert f"impasto train {what} --content" in text
