"""The plug-in for GIMP 3, with a stand-in for GIMP."""

from __future__ import annotations

import sys

import numpy as np
import pytest
from PIL import Image

import impasto
from helpers.gimp import PLUG_IN, File, Layer, Picture, load_plug_in
from helpers.random_inputs import smooth_picture
from impasto.cli.main import run as run_command

SIZE = (48, 64)


@pytest.fixture
def shown():
    return []


@pytest.fixture
def plug_in(monkeypatch, shown):
    """The plug-in; the command runs in this process."""
    module = load(monkeypatch, shown)

    def run(words, show):
        module.words = words
        code = run_command(words[1:])
        if code:
            raise module.ImpastoError(f"exit code {code}")

    monkeypatch.setattr(module, "run", run)
    return module


def load(monkeypatch, shown):
    monkeypatch.setenv("IMPASTO_COMMAND", "/nowhere/impasto")
    return load_plug_in(monkeypatch, shown)


def layer(seed: int = 1) -> Layer:
    pixels = impasto.read_image(smooth_picture(*SIZE, seed=seed)).as_uint8().tensor
    rgb = pixels[0].movedim(0, -1).numpy()
    return Layer(np.concatenate([rgb, np.full((*SIZE, 1), 255, np.uint8)], axis=2))


def call(plug_in, name, image, **changes):
    procedure = plug_in.Impasto().do_create_procedure(name)
    return plug_in._run(
        procedure, "NONINTERACTIVE", image, image.layers[-1:], procedure.config(**changes), None
    )


@pytest.fixture
def style(tmp_path):
    return File(str(impasto.write_image(tmp_path / "style.png", smooth_picture(64, 64, seed=5))))


def test_a_layer_is_painted_into_a_new_one(plug_in):
    picture = Picture(layer())
    picture.layers[0].set_offsets(5, 7)
    assert call(plug_in, plug_in.STYLIZE, picture, style="kiss") == ("SUCCESS", "")
    painted, old = picture.layers
    assert painted.name == "Background (kiss)"
    assert painted.offsets == (5, 7)
    assert painted.mask is None
    np.testing.assert_array_equal(old.pixels, layer().pixels)
    wanted = impasto.stylize(old.pixels[..., :3], "kiss", device="cpu").image
    np.testing.assert_array_equal(painted.pixels[..., :3], np.asarray(wanted.convert("RGB")))
    assert picture.undo == ["start", "end"]


def test_the_selection_is_the_region(plug_in):
    selection = np.zeros(SIZE, np.uint8)
    selection[:, 32:] = 255
    picture = Picture(layer(), selection)
    assert call(plug_in, plug_in.STYLIZE, picture, style="scream", feather=0.01)[0] == "SUCCESS"
    painted, old = picture.layers
    assert painted.mask == "SELECTION"
    np.testing.assert_array_equal(painted.pixels[:, :24], old.pixels[:, :24])
    assert np.abs(painted.pixels[:, 40:].astype(int) - old.pixels[:, 40:]).mean() > 10
    assert "--region" in plug_in.words


def test_a_selection_of_everything_needs_no_region(plug_in):
    picture = Picture(layer(), np.full(SIZE, 255, np.uint8))
    assert call(plug_in, plug_in.STYLIZE, picture, style="scream")[0] == "SUCCESS"
    assert "--region" not in plug_in.words
    assert picture.layers[0].mask == "SELECTION"


def test_paint_takes_a_picture_and_the_size_of_the_layer(plug_in, style, monkeypatch, capsys):
    for name, recipe in impasto.RECIPES.items():
        short = recipe.replace(scales=1, steps=2, init="content")
        monkeypatch.setitem(impasto.RECIPES, name, short)
    picture = Picture(layer(), precision="FLOAT_LINEAR")
    assert call(plug_in, plug_in.PAINT, picture, picture=style) == ("SUCCESS", "")
    painted = picture.layers[0]
    assert (painted.get_width(), painted.get_height()) == (64, 48)
    assert painted.name == "Background (style)"
    assert plug_in.words[plug_in.words.index("--size") + 1] == "64"
    assert plug_in.words[plug_in.words.index("--depth") + 1] == "16"
    assert '"event": "progress"' in capsys.readouterr().out
    assert call(plug_in, plug_in.PAINT, picture, picture=style, size=48)[0] == "SUCCESS"
    assert (picture.layers[1].get_width(), picture.layers[1].get_height()) == (64, 48)


def test_mistakes_are_sentences_and_leave_the_image(plug_in, style):
    beside = np.zeros(SIZE, np.uint8)
    picture = Picture(layer(), beside)
    told = call(plug_in, plug_in.STYLIZE, picture, style="kiss")
    assert told[0] == "EXECUTION_ERROR"
    assert told[1].startswith("The selection is beside the layer")
    told = call(plug_in, plug_in.PAINT, Picture(layer()))
    assert told == ("EXECUTION_ERROR", "Choose the picture whose style the layer is painted in.")
    told = call(plug_in, plug_in.STYLIZE, Picture(layer()), style="picture")
    assert told == ("EXECUTION_ERROR", "Choose a style by its name, or a picture.")
    assert len(picture.layers) == 1
    assert picture.undo == ["start", "end"]
    procedure = plug_in.Impasto().do_create_procedure(plug_in.PAINT)
    two = plug_in._run(procedure, "", picture, picture.layers * 2, procedure.config(), None)
    assert two == ("CALLING_ERROR", "Choose one layer, no group and no mask.")


def test_procedures_offer_what_impasto_offers(plug_in, monkeypatch):
    monkeypatch.setattr(plug_in, "named_styles", lambda program: ["great-wave", "kiss"])
    one_pass = plug_in.Impasto().do_create_procedure(plug_in.STYLIZE)
    painting = plug_in.Impasto().do_create_procedure(plug_in.PAINT)
    assert one_pass.choices["style"] == ["picture", "great-wave", "kiss"]
    assert one_pass.arguments["style"] == "great-wave"
    assert set(painting.choices["recipe"]) <= set(impasto.RECIPES)
    from impasto.colour.modes import COLOUR_MODES

    assert set(one_pass.choices["colour"]) == set(COLOUR_MODES)
    assert one_pass.menus == painting.menus == ["<Image>/Filters/Artistic/Impasto"]
    assert plug_in.Impasto().do_query_procedures() == [one_pass.name, painting.name]


def test_styles_are_asked_of_the_command(plug_in, monkeypatch, capsys):
    assert run_command(["models", "list", "--json"]) == 0
    told = capsys.readouterr().out.encode()
    answer = type("Done", (), {"stdout": told})
    monkeypatch.setattr(plug_in.subprocess, "run", lambda *_, **__: answer)
    assert plug_in.named_styles("impasto") == sorted(impasto.named_styles()["multi"])
    monkeypatch.undo()
    assert plug_in.named_styles("/nowhere/impasto") == []


@pytest.mark.parametrize(("channels", "depth"), [(1, 8), (4, 8), (4, 16)])
def test_png_files_are_read_by_others(plug_in, tmp_path, channels, depth):
    random = np.random.default_rng(1)
    pixels = random.integers(0, 2**depth, (5, 7, channels)).astype(f"uint{depth}")
    plug_in.write_png(tmp_path / "a.png", (7, 5), channels, depth, pixels.tobytes())
    if depth == 8:
        read = np.asarray(Image.open(tmp_path / "a.png")).reshape(5, 7, channels)
        np.testing.assert_array_equal(read, pixels)
        return
    picture = impasto.read_image(tmp_path / "a.png")
    got = np.concatenate([picture.tensor[0].numpy(), picture.alpha[0].numpy()])
    np.testing.assert_allclose(got, pixels.transpose(2, 0, 1) / 65535, atol=1e-6)


def test_the_bar_shows_the_events_of_the_command(monkeypatch, shown):
    plug_in = load(monkeypatch, shown)
    monkeypatch.setattr(plug_in, "_WAIT_SECONDS", 0.02)
    program = "import time; print('{\"share\": 0.25}', flush=True); time.sleep(.2); print('none')"
    plug_in.run([sys.executable, "-S", "-c", program], plug_in._show)
    assert shown[[share is not None for share in shown].index(True)] == 0.25
    assert shown[-2:] == [None, None]


def test_a_failure_is_what_the_command_says(monkeypatch, shown):
    plug_in = load(monkeypatch, shown)
    program = "import sys; print('impasto: a.png is no picture.', file=sys.stderr); sys.exit(2)"
    with pytest.raises(
        plug_in.ImpastoError, match=r"^Impasto could not paint: a.png is no picture"
    ):
        plug_in.run([sys.executable, "-S", "-c", program], plug_in._show)
    with pytest.raises(plug_in.ImpastoError, match=r"cannot be run .* install Impasto"):
        plug_in.run(["/nowhere/impasto"], plug_in._show)


def test_the_command_is_not_given_the_python_of_gimp(monkeypatch, shown):
    plug_in = load(monkeypatch, shown)
    monkeypatch.setenv("PYTHONHOME", "/gimp")
    monkeypatch.setenv("LD_LIBRARY_PATH", "/gimp/lib")
    assert "PYTHONHOME" not in plug_in.environment()
    assert plug_in.environment()["LD_LIBRARY_PATH"] == "/gimp/lib"
    monkeypatch.setenv("APPIMAGE", "/gimp.AppImage")
    assert "LD_LIBRARY_PATH" not in plug_in.environment()
    assert PLUG_IN.stat().st_mode & 0o100, "GIMP runs it only if it may be executed"
