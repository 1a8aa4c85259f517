"""``impasto stylize``: inputs, outputs, errors of single pictures, styles and models."""

import os
import shutil

import pytest
import torch

from helpers.random_inputs import smooth_picture
from helpers.tiny_networks import fixed_styles
from impasto import images
from impasto.cli.main import run
from impasto.cli.shared import batch
from impasto.errors import ImpastoError
from impasto.jobs.request_json import from_metadata
from impasto.networks.files import load_network, save_network
from impasto.networks.model import IDENTITY
from impasto.regions.regions import resolve_name


@pytest.fixture
def place(tmp_path, monkeypatch):
    """The current folder: two photographs in ``photos``, a painting, a model of two styles."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("IMPASTO_CACHE", "cache")
    for number, name in enumerate(("photos/a.png", "photos/more/b.png", "painting.png")):
        images.write(tmp_path / name, smooth_picture(40, 48, seed=number))
    save_network(
        "two.safetensors", fixed_styles("paint", "wave", "scream", IDENTITY), dtype=torch.float16
    )
    return tmp_path


def stylize(*words, model="two.safetensors"):
    return run(["stylize", *map(str, words), "--model", model, "--quiet"])


def printed_errors(capsys):
    return [line.removeprefix("impasto: ") for line in capsys.readouterr().err.splitlines()]


# --- Outputs ----------------------------------------------------------------------------------


def test_an_output_above_the_input_folder_excludes_nothing(place):
    assert stylize("photos", "--style", "wave", "-o", ".") == 0
    assert (place / "a.png").exists()
    assert (place / "more" / "b.png").exists()


def test_an_output_that_is_the_folder_is_refused(place, capsys):
    before = (place / "photos" / "a.png").read_bytes()
    assert stylize("photos", "--style", "wave", "-o", "photos", "--overwrite") == 2
    assert printed_errors(capsys) == [
        "photos/a.png is read and would be replaced: name another -o."
    ]  # fmt: skip
    assert (place / "photos" / "a.png").read_bytes() == before


def test_a_folder_with_only_outputs_is_refused(place, capsys):
    assert stylize("photos", "--style", "wave", "-o", "photos/out") == 0
    shutil.rmtree(place / "photos" / "more")
    (place / "photos" / "a.png").unlink()
    assert stylize("photos", "--style", "wave", "-o", "photos/out") == 2
    assert "holds no pictures but those of photos/out" in printed_errors(capsys)[0]


def test_an_empty_folder_does_not_stop_the_rest(place, capsys):
    (place / "empty").mkdir()
    assert stylize("empty", "photos", "--style", "wave", "-o", "out") == 2
    assert sorted(p.name for p in (place / "out").rglob("*.png")) == ["a.png", "b.png"]
    (sentence,) = printed_errors(capsys)
    assert sentence.startswith("The folder empty holds no pictures (")


def test_a_picture_named_twice_is_painted_once(place):
    words = ["photos/a.png", "./photos/a.png", "photos"]
    work, failed = batch.plan_batch([place / word for word in words], place / "out", None)
    assert [item.output.name for item in work] == ["a.png", "b.png"]
    assert failed == []


@pytest.mark.parametrize(
    ("words", "sentence"),
    [
        (["photos/a.png", "-o", "out.avif"], "names no format: choose one of .png"),
        (["photos/a.png", "-o", f"{'n' * 300}.png"], "too long a name: choose a shorter one"),
        (["photos/a.png", "-o", "out.png", "--quality", "0"], "The quality is 0: choose 1 to 100"),
        (["photos/a.png", "-o", "out.png", "--save-style", "photos/a.png"],
         "photos/a.png is read and would be replaced: name another --save-style."),
    ],
)  # fmt: skip
def test_an_unwritable_output_is_refused_before_painting(
    words, sentence, place, capsys, monkeypatch
):
    monkeypatch.setattr("impasto.jobs.resources.Stylizer", None)  # never reached
    assert stylize(*words, "--style", "wave") == 2
    assert sentence in printed_errors(capsys)[-1]
    assert not (place / "out.avif").exists()


@pytest.mark.parametrize("style", ["painting.png", "painting.png:0.5"])
def test_the_style_picture_is_not_replaced(style, place, capsys):
    words = ["photos/a.png", "--style", style, "-o", "painting.png", "--overwrite"]
    before = (place / "painting.png").read_bytes()
    assert stylize(*words, model="any") == 2
    assert printed_errors(capsys) == [
        "painting.png is read and would be replaced: name another -o."
    ]
    assert (place / "painting.png").read_bytes() == before


# --- Pictures that fail -----------------------------------------------------------------------


def test_a_picture_that_is_too_small_is_named(place, capsys):
    images.write(place / "photos" / "tiny.png", smooth_picture(4, 4, seed=1))
    assert stylize("photos", "--style", "wave", "-o", "out") == 2
    (sentence,) = printed_errors(capsys)
    assert sentence.startswith("photos/tiny.png: A picture of 4×4 px is too small")
    assert sentence.endswith("so enlarge it.")


def test_a_name_that_is_too_long_does_not_stop_the_rest(place, capsys):
    assert stylize("x" * 300 + ".png", "photos/a.png", "--style", "wave", "-o", "out") == 2
    assert (place / "out" / "a.png").exists()
    (sentence,) = printed_errors(capsys)
    assert "cannot be read (File name too long)" in sentence


@pytest.mark.skipif(not hasattr(os, "geteuid") or os.geteuid() == 0, reason="root may enter any")
def test_a_folder_that_may_not_be_entered_does_not_stop_the_rest(place, capsys):
    closed = place / "closed"
    closed.mkdir()
    shutil.copy("photos/a.png", closed / "c.png")
    closed.chmod(0)
    try:
        assert stylize("closed/c.png", "photos/a.png", "--style", "wave", "-o", "out") == 2
    finally:
        closed.chmod(0o700)
    assert (place / "out" / "a.png").exists()
    assert "closed/c.png cannot be read (Permission denied)" in printed_errors(capsys)[0]


def test_file_names_that_are_not_utf8(place, capfdbinary):
    name = os.fsdecode(b"caf\xe9.png")
    shutil.copy("photos/a.png", name)
    assert run(["stylize", name, "--style", "wave", "--model", "two.safetensors", "-o", "out"]) == 0
    assert b"painted in" in capfdbinary.readouterr().out


# --- Styles -----------------------------------------------------------------------------------


def test_all_given_styles_are_mixed(place):
    base = ["photos/a.png", "--model", "two.safetensors"]
    assert stylize(*base, "--style", "wave:0.3", "--style", "scream:0.7", "-o", "two.png") == 0
    assert stylize(*base, "--style", "wave:0.3", "scream:0.7", "-o", "one.png") == 0
    assert (place / "one.png").read_bytes()[-200:] == (place / "two.png").read_bytes()[-200:]
    styles = from_metadata(images.read_metadata("two.png")).styles
    assert [(style.name, style.weight) for style in styles] == [("wave", 0.3), ("scream", 0.7)]


def test_a_folder_named_like_a_style_does_not_hide_it(place, capsys):
    (place / "scream").mkdir()
    assert run(["stylize", "photos/a.png", "--style", "scream", "-o", "out.png", "--quiet"]) == 0
    assert run(["stylize", "photos/a.png", "--style", "photos", "-o", "out2.png", "--quiet"]) == 2
    assert printed_errors(capsys) == [
        "out2.png is one picture and there are several to paint: name a folder."
    ]


def test_max_pixels_limits_styles_and_masks(place, capsys):
    words = ["photos/a.png", "--style", "painting.png", "--max-pixels", "1919", "-o", "out.png"]
    assert stylize(*words, model="any") == 2
    assert printed_errors(capsys)[0].startswith(
        "painting.png has 48 × 40 = 1920 pixels and at most 1919"
    )
    images.write(place / "mask.png", smooth_picture(80, 96, seed=1))
    words[-3] = "1920"
    words += ["--region", "sky=mask.png"]
    assert stylize(*words, model="any") == 2
    assert "mask.png has 96 × 80 = 7680 pixels" in printed_errors(capsys)[-1]


@pytest.mark.parametrize(
    ("words", "sentence"),
    [
        (["--mask", "photos/a.png", "--style-mask", "painting.png"],
         "--style-mask is of a style picture: give --style a picture's path, and no name."),
        (["--region", "sky=photos/a.png@painting.png"],
         "A region can have a style picture of its own if --style is a picture, too, and no name"),
    ],
)  # fmt: skip
def test_regions_that_a_named_style_cannot_have(words, sentence, place, capsys):
    assert stylize("photos/a.png", "--style", "wave", "-o", "out.png", *words) == 2
    assert sentence in printed_errors(capsys)[-1]


# --- Models -----------------------------------------------------------------------------------


def test_added_models_are_verified(place, capsys):
    assert run(["models", "add", "mine", "two.safetensors"]) == 0
    capsys.readouterr()
    assert run(["models", "verify", "mine"]) == 0
    assert capsys.readouterr().out == "mine: good\n"
    kept = place / "cache" / "networks" / "mine.safetensors"
    kept.write_bytes(kept.read_bytes()[:-100])
    assert run(["models", "verify", "mine"]) == 1
    assert run(["models", "verify"]) == 1
    out = capsys.readouterr().out
    assert out.count("mine: broken. ") == 2
    assert "any: good" in out
    assert run(["models", "verify", "nobody"]) == 2
    assert "mine" in printed_errors(capsys)[-1]


def test_style_names_are_printed_without_markup(place, capsys):
    model = load_network("two.safetensors")
    model.styles["photo[/red]"] = model.styles.pop("wave")
    save_network("odd.safetensors", model, dtype=torch.float16)
    assert run(["models", "add", "mine", "odd.safetensors"]) == 0
    assert run(["models", "list"]) == 0
    assert "photo[/red]" in capsys.readouterr().out


def test_built_in_names_cannot_be_added(place, capsys):
    assert run(["models", "add", "any", "two.safetensors"]) == 2
    assert printed_errors(capsys) == ["The name any is taken by what is built in: choose another."]


def test_a_cache_in_the_home_of_an_unknown_user(place, monkeypatch):
    monkeypatch.setenv("IMPASTO_CACHE", "~nobody-of-that-name/cache")
    with pytest.raises(ImpastoError, match="no weight file"):
        load_network("absent.safetensors")
    assert run(["models", "list"]) == 0


# --- Names of styles --------------------------------------------------------------------------


def test_part_of_a_style_name_is_enough_if_it_is_unique():
    names = ["great-wave", "starry-night", "night-watch"]
    assert resolve_name("wave", names) == "great-wave"
    assert resolve_name("starry", names) == "starry-night"
    for name in ("night", "great-wave", "wav", "mona-lisa"):
        assert resolve_name(name, names) == name


def test_a_partial_name_paints_the_same(place):
    for name in ("great-wave", "wave"):
        assert (
            run(["stylize", "photos/a.png", "--style", name, "-o", f"{name}.png", "--quiet"]) == 0
        )
    assert torch.equal(images.read("wave.png").tensor, images.read("great-wave.png").tensor)
