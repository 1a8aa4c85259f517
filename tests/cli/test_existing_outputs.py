"""One rule for files that exist already, in every command that writes."""

from __future__ import annotations

import csv

import pytest
import torch

from helpers.random_inputs import smooth_picture
from helpers.sentences import check_told
from impasto import images
from impasto.cli.main import run

PAINTED = ["--size", "48", "--scales", "1", "--steps", "2", "--quiet"]
PAINT = ["paint", "a.png", "b.png", "-o", "out.png", *PAINTED]

WORKS = {
    "paint": PAINT,
    "texture": ["texture", "b.png", "-o", "out.png", *PAINTED],
    "reconstruct": ["reconstruct", "a.png", "-o", "out.png", "--layer", "relu2_1", *PAINTED],
    "stylize": ["stylize", "a.png", "--style", "b.png", "-o", "out.png", "--quiet"],
}

DERIVED = {
    "sheet of edges": (["edges", "a.png", "-o", "x.png"], "x.png"),
    "sheet of maps": (["inspect", "a.png", "-o", "x.jpg", "--size", "64"], "x.jpg"),
    "gallery": (["gallery", ".", "-o", "x.html"], "x.html"),
    "log": ([*PAINT, "--log", "x.csv"], "x.csv"),
    "log of another name": ([*PAINT, "--log", "losses.txt"], "losses.txt"),
    "report": ([*PAINT, "--report", "x.html"], "x.html"),
    "animation": ([*PAINT, "--snapshots", "2", "--snapshots-to", "x.gif"], "x.gif"),
    "animation in WebP": ([*PAINT, "--snapshots", "2", "--snapshots-to", "x.webp"], "x.webp"),
    "snapshots": ([*PAINT, "--snapshots", "1", "--snapshots-to", "x"], "x/step-00002.png"),
    "table": (
        ["evaluate", "b.png", "--content", "a.png", "--style", "b.png", "-o", "x",
         "--metrics", "ssim"], "x/pictures.csv",
    ),
    "evaluation": (
        ["evaluate", "b.png", "--content", "a.png", "--style", "b.png", "-o", "x",
         "--metrics", "ssim"], "x/evaluation.json",
    ),
    "plot": (
        ["evaluate", "b.png", "--content", "a.png", "--style", "b.png", "-o", "x",
         "--metrics", "content,gram"], "x/scatter.png",
    ),
    "grid": (
        ["compare", "a.png", "b.png", "-o", "x.png", "--sweep", "seed=1,2", *PAINTED], "x.png",
    ),
    "table of losses": (
        ["compare", "a.png", "b.png", "-o", "x.png", "--sweep", "seed=1,2", *PAINTED], "x.csv",
    ),
}  # fmt: skip


@pytest.fixture(autouse=True)
def place(folder_of_two):
    return folder_of_two


def state(path):
    return path.stat().st_mtime_ns, path.read_bytes()


@pytest.mark.parametrize("command", WORKS)
def test_a_picture_of_the_same_request_is_kept(command, place):
    out = place / "out.png"
    assert run(WORKS[command]) == 0
    before = state(out)
    assert run(WORKS[command]) == 0
    assert state(out) == before
    assert run([*WORKS[command], "--overwrite"]) == 0
    assert state(out) != before


@pytest.mark.parametrize("command", WORKS)
def test_a_picture_of_another_request_is_not_replaced_unasked(command, place, capsys):
    out = place / "out.png"
    assert run(WORKS[command]) == 0
    before = state(out)
    other = [*WORKS[command], "--size", "56"]
    assert run(other) == 2
    check_told(capsys, "out.png exists already and was made in another way: name another -o, or")
    assert state(out) == before
    assert run([*other, "--overwrite"]) == 0
    assert state(out) != before


@pytest.mark.parametrize("command", WORKS)
@pytest.mark.parametrize("content", [b"mine", b""])
def test_a_file_of_the_user_is_not_replaced_unasked(command, content, place, capsys):
    out = place / "out.png"
    out.write_bytes(content)
    assert run(WORKS[command]) == 2
    check_told(capsys, "out.png exists already")
    assert out.read_bytes() == content
    assert run([*WORKS[command], "--overwrite"]) == 0
    assert images.read(out)


def test_a_replaced_photograph_is_painted_anew_only_if_asked(place):
    assert run(WORKS["stylize"]) == 0
    before = images.read("out.png").tensor
    images.write("a.png", smooth_picture(48, 64, seed=9))
    assert run(WORKS["stylize"]) == 2
    assert run([*WORKS["stylize"], "--overwrite"]) == 0
    assert not torch.equal(images.read("out.png").tensor, before)


def test_a_picture_cut_short_does_not_count(place):
    out = place / "out.png"
    assert run(PAINT) == 0
    out.write_bytes(out.read_bytes()[:-200])
    assert run(PAINT) == 2
    assert run([*PAINT, "--overwrite"]) == 0
    assert images.read(out)


def test_rerun_and_demo_follow_the_rule(place, capsys):
    assert run(WORKS["stylize"]) == 0
    again = ["rerun", "out.png", "-o", "again.png", "--quiet"]
    assert run(again) == 0
    before = state(place / "again.png")
    assert run(again) == 0
    assert state(place / "again.png") == before
    (place / "again.png").write_bytes(b"mine")
    assert run(again) == 2
    (place / "out").mkdir()
    (place / "out" / "contact-sheet.jpg").write_bytes(b"mine")
    capsys.readouterr()
    assert run(["demo", "--quiet"]) == 2
    check_told(capsys, "contact-sheet.jpg exists already and is not of Impasto's making")


@pytest.mark.parametrize("what", DERIVED)
def test_sheets_pages_and_tables_of_our_own_are_written_anew(what, place):
    words, name = DERIVED[what]
    assert run(words) == 0
    before = state(place / name)
    assert run(words) == 0
    assert state(place / name)[0] > before[0]


@pytest.mark.parametrize("what", DERIVED)
def test_other_files_are_not_replaced_unasked(what, place, capsys):
    words, name = DERIVED[what]
    (place / name).parent.mkdir(exist_ok=True)
    (place / name).write_bytes(b"mine,alone\n")
    assert run(words) == 2
    check_told(capsys, f"{name} exists already")
    assert (place / name).read_bytes() == b"mine,alone\n"
    assert run([*words, "--overwrite"]) == 0
    assert (place / name).read_bytes() != b"mine,alone\n"


@pytest.mark.parametrize("name", ["x.png", "x.JPG", "x.html"])
def test_a_log_is_no_picture_and_no_page(name, place, capsys):
    assert run([*PAINT, "--log", name]) == 2
    check_told(capsys, f"{name} would be a table of losses: name the --log .csv.")


def test_a_sheet_does_not_replace_a_photograph(place, capsys):
    images.write("x.png", smooth_picture(8, 8, seed=1))
    before = state(place / "x.png")
    assert run(["edges", "a.png", "-o", "x.png"]) == 2
    check_told(capsys, "x.png exists already and is not of Impasto's making")
    assert state(place / "x.png") == before


def test_a_style_file_is_kept_if_it_holds_the_style(place, capsys):
    words = ["stylize", "a.png", "-o", "out.png", "--save-style", "x.safetensors", "--quiet"]
    assert run([*words, "--style", "b.png"]) == 0
    saved = place / "x.safetensors"
    before = state(saved)
    assert run([*words, "--style", "b.png"]) == 0
    assert state(saved) == before
    assert run([*words, "--style", "a.png", "-o", "other.png"]) == 2
    check_told(capsys, "x.safetensors exists already and holds something else: name another --sav")
    assert state(saved) == before
    assert run([*words, "--style", "a.png", "-o", "other.png", "--overwrite"]) == 0
    assert state(saved) != before


def test_a_model_of_the_user_is_not_trained_over(place, capsys):
    model = place / "x.safetensors"
    model.write_bytes(b"mine")
    words = ["train", "encoder", "--teacher", "compact", "--content", ".", "--style", "."]
    assert run([*words, "-o", "x.safetensors", "--steps", "1", "--crop", "64"]) == 2
    check_told(capsys, "x.safetensors exists already: name another -o, or replace it with --overw")
    assert model.read_bytes() == b"mine"


# --- cells of a study -----------------------------------------------------------------------------

COMPARE = ["compare", "a.png", "b.png", "-o", "x.png", "--sweep", "seed=1,2", *PAINTED]


@pytest.mark.parametrize("kept", [0, 30, 1000, -30])
def test_a_cell_cut_short_is_painted_again(kept, place):
    assert run(COMPARE) == 0
    whole, other = (place / "x-cells" / f"{name}.png" for name in ("000", "001"))
    picture, before = images.read(whole).tensor, state(other)
    whole.write_bytes(whole.read_bytes()[:kept])
    assert run(COMPARE) == 0
    assert torch.equal(images.read(whole).tensor, picture)
    assert state(other) == before
    with open("x.csv", newline="", encoding="utf-8") as file:
        rows = list(csv.DictReader(file))
    assert [list(row)[:2] for row in rows] == [["seed", "picture"]] * 2
    assert all(float(row["style"]) > 0 for row in rows)


def test_cells_of_a_replaced_photograph_are_painted_again(place):
    assert run(COMPARE) == 0
    cell = place / "x-cells" / "000.png"
    before = images.read(cell).tensor
    images.write("a.png", smooth_picture(48, 64, seed=9))
    assert run(COMPARE) == 0
    assert not torch.equal(images.read(cell).tensor, before)


def test_a_picture_of_the_user_among_the_cells_is_not_replaced(place, capsys):
    photo = place / "mine" / "001.png"
    images.write(photo, smooth_picture(8, 8, seed=1))
    before = state(photo)
    assert run([*COMPARE, "--cells", "mine"]) == 2
    check_told(capsys, "001.png exists already and is no cell of a study: name another folder with")
    assert state(photo) == before
