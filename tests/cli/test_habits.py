"""What people type out of habit works, or gets the line that does."""

from __future__ import annotations

import pytest

import impasto
from helpers.random_inputs import smooth_picture
from helpers.sentences import check_told, said
from impasto import images
from impasto.cli.main import run
from impasto.errors import ImpastoError
from impasto.recipes.recipe import Recipe

QUICK = ["--size", "48", "--scales", "1", "--steps", "2", "--quiet"]


@pytest.fixture(autouse=True)
def place(folder_of_two):
    return folder_of_two


@pytest.mark.parametrize(
    "words",
    [
        ["a.png", "--style", "b.png", "-o", "x.png"],
        ["--style", "b.png", "-o", "x.png", "a.png"],
        ["--style", "b.png", "a.png", "-o", "x.png"],
        ["a.png", "b.png", "-o", "x.png"],
        ["-o", "x.png", "--quiet", "a.png", "b.png"],
    ],
)
def test_stylize_takes_pictures_and_styles_in_any_order(words, place):
    assert run(["stylize", *words]) == 0
    assert images.read_metadata("x.png")["request"].count("b.png") == 1
    (style,) = (
        style.source
        for style in impasto.jobs.request_json.from_metadata(images.read_metadata("x.png")).styles
    )
    assert style == "b.png"


def test_stylize_takes_the_name_of_a_style_as_paint_takes_a_picture():
    assert run(["stylize", "a.png", "great-wave", "-o", "x.png"]) == 0


@pytest.mark.parametrize(
    ("words", "told"),
    [
        (["a.png"], "Name a style: impasto stylize PICTURE … --style STYLE -o OUT"),
        (["a.png", "b.png", "a.png"], "Name a style"),
        (["--style", "b.png"], "Name the pictures first: impasto stylize PICTURE … --style STYLE"),
        (["--style", "b.png", "b.png", "a.png"], "Name the pictures first"),
    ],
)
def test_what_is_not_clear_is_asked(words, told, capsys):
    assert run(["stylize", *words, "-o", "x.png"]) == 2
    check_told(capsys, told)


def test_paint_with_the_name_of_a_style_says_which_command_has_it(capsys):
    assert run(["paint", "a.png", "starry-night", "-o", "x.png"]) == 2
    check_told(
        capsys,
        "starry-night is a style of the one-pass model 'multi', and paint takes pictures: "
        "impasto stylize a.png --style starry-night -o x.png",
    )


@pytest.mark.parametrize(
    ("count", "to", "told"),
    [
        ("1", "steps", "1 snapshot: steps/step-00002.png"),
        ("2", "steps", "2 snapshots: steps\n"),
        ("2", "growth.gif", "2 snapshots: growth.gif\n"),
        ("99999999", "growth.gif", "2 snapshots: growth.gif\n"),
    ],
)
def test_snapshots_are_counted(count, to, told, capsys):
    words = ["paint", "a.png", "b.png", "-o", "x.png", *QUICK[:-1], "--snapshots", count]
    assert run([*words, "--snapshots-to", to]) == 0
    assert told in capsys.readouterr().out


def test_a_mask_of_the_shape_of_the_photograph_is_as_it_should_be(capsys):
    for name, size in (("same", (48, 64)), ("half", (24, 32))):
        mask = smooth_picture(*size, seed=1).mul(0)
        mask[..., : size[1] // 2] = 1
        images.write(f"{name}.png", mask)
        words = ["--region", f"left={name}.png", "--overwrite", "-o", "x.png"]
        assert run(["stylize", "a.png", "--style", "b.png", "--size", "40", *words]) == 0
        assert "The mask" not in capsys.readouterr().err
        assert run(["paint", "a.png", "b.png", *QUICK[:-1], *words]) == 0
        assert "The mask" not in capsys.readouterr().err


@pytest.mark.parametrize(
    "words",
    [
        ["reconstruct", "a.png", "-o", "x.png", "--style-layers", "relu1_1=0"],
        ["reconstruct", "a.png", "-o", "x.png", "--layer", "relu1_1=0"],
        ["paint", "a.png", "b.png", "-o", "x.png", "--style-layers", "relu1_1=0,relu2_1=0"],
    ],
)
def test_layers_that_all_weigh_nothing_are_refused(words, capsys):
    assert run(words) == 2
    check_told(capsys, "-layers needs a layer with a weight above 0.")


@pytest.mark.parametrize(
    ("words", "told"),
    [
        (["inspect", "a.png", "-o", "x.png", "--seed", "-1"], "--seed must be from 0 to"),
        (["inspect", "a.png", "-o", "x.png", "--seed", "9" * 400], "(400 digits)."),
        (["paint", "a.png", "b.png", "-o", "x.png", "--seed", "9" * 400], "(400 digits)."),
        (["evaluate", "a.png", "--content", "a.png", "--style", "b.png", "--metrics", ","],
         "--metrics names no metric"),
    ],
)  # fmt: skip
def test_values_beyond_reason_are_refused_in_short(words, told, capsys):
    assert run(words) == 2
    check_told(capsys, told)


@pytest.mark.parametrize("nothing", [None, 3, 2.5, b"a.png"])
def test_pictures_from_nothing_are_refused_in_a_sentence(nothing):
    told = " is not a picture: give a path, a Pillow image, a NumPy array "
    for call in (
        lambda: impasto.stylize(nothing, "b.png"),
        lambda: impasto.stylize("a.png", [nothing]),
        lambda: impasto.paint(nothing, "b.png"),
    ):
        assert said(ImpastoError, call).startswith(f"{type(nothing).__name__}{told}")
    assert told in said(ImpastoError, impasto.read_image, nothing)


def test_no_layer_of_a_recipe_need_weigh_anything_by_itself():
    recipe = Recipe().replace(style_layers={"relu1_1": 0, "relu2_1": 1})
    assert recipe.style_layers == {"relu1_1": 0.0, "relu2_1": 1.0}


@pytest.mark.filterwarnings("default")
def test_a_broken_metric_of_a_package_does_not_disable_evaluate(place, monkeypatch, capsys):
    info = place / "guest-1.0.dist-info"
    info.mkdir()
    (info / "METADATA").write_text("Metadata-Version: 2.1\nName: guest\nVersion: 1.0\n")
    (info / "entry_points.txt").write_text("[impasto.metrics]\nbad = no_such_module:METRIC\n")
    monkeypatch.syspath_prepend(place)
    from impasto.metrics.registry import METRICS

    monkeypatch.delitem(METRICS.__dict__, "_entry_points", raising=False)
    words = ["evaluate", "b.png", "--content", "a.png", "--style", "b.png", "--json"]
    try:
        assert run(words) == 0
        printed = capsys.readouterr()
        assert '"ssim"' in printed.out
        assert "The metric 'bad' of the package guest cannot be loaded" in printed.err
        assert run([*words, "--metrics", "bad"]) == 2
        check_told(capsys, "The metric 'bad' of the package guest cannot be loaded")
    finally:
        METRICS.__dict__.pop("_entry_points", None)
