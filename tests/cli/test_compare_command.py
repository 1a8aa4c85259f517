"""``impasto compare`` end to end."""

import csv
import time

import pytest
import torch
from PIL import Image

from impasto import images
from impasto.cli.main import run
from impasto.images.samples import PAIRS
from impasto.jobs.request_json import from_metadata

PAIR = PAIRS["tuebingen-starry-night"]
SMALL = ["--size", "64", "--smallest", "64", "--steps", "2", "--quiet"]


@pytest.fixture(scope="module")
def pair(tmp_path_factory):
    folder = tmp_path_factory.mktemp("pictures")
    for name, source in (("photo.png", PAIR.content_path), ("painting.png", PAIR.style_path)):
        images.write(folder / name, images.read(source, long_side=80).tensor)
    return [str(folder / "photo.png"), str(folder / "painting.png")]


def compare(pair, output, *words):
    return run(["compare", *pair, "-o", str(output), *words, *SMALL])


def test_two_sweeps_make_a_grid_with_its_losses(pair, tmp_path):
    output = tmp_path / "grid.png"
    sweeps = ["--sweep", "style-weight=1,10,100", "--sweep", "layers=relu1_1,+relu2_1"]
    assert compare(pair, output, *sweeps, "--cell-height", "40") == 0
    with (tmp_path / "grid.csv").open(newline="") as file:
        rows = list(csv.DictReader(file))
    assert [(row["style_weight"], row["style_layers"]) for row in rows] == [
        (weight, layers) for weight in ("1", "10", "100") for layers in ("relu1_1", "+relu2_1")
    ]
    requests = [from_metadata(images.read_metadata(row["picture"])) for row in rows]
    recipes = [request.recipe.to_toml() for request in requests]
    assert len(set(recipes)) == 6
    assert "relu2_1" not in recipes[0].split("[style_layers]")[1].split("[")[0]
    with Image.open(output) as sheet:
        assert sheet.height > 3 * 40
        assert sheet.width > 2 * 40


def test_existing_cells_are_not_painted_again(pair, tmp_path):
    output = tmp_path / "row.png"
    assert compare(pair, output, "--sweep", "tv-weight=0,4") == 0
    cells = sorted((tmp_path / "row-cells").iterdir())
    before = [path.stat().st_mtime_ns for path in cells]
    time.sleep(0.01)
    assert compare(pair, output, "--sweep", "tv-weight=0,4") == 0
    assert [path.stat().st_mtime_ns for path in cells] == before
    assert compare(pair, output, "--sweep", "tv-weight=0,5") == 0
    after = [path.stat().st_mtime_ns for path in cells]
    assert [new > old for new, old in zip(after, before, strict=True)] == [False, True]


def test_a_page_in_addition_to_the_picture_or_instead_of_it(pair, tmp_path, capsys):
    sweep = ["--sweep", "tv-weight=0,4"]
    assert (
        compare(pair, tmp_path / "row.png", *sweep, "--report", str(tmp_path / "report.html")) == 0
    )
    page = (tmp_path / "report.html").read_text(encoding="utf-8")
    assert page.count("data:image/jpeg") == 2 + 2
    assert "report.html" in capsys.readouterr().out
    before = (tmp_path / "row-cells" / "001.png").stat().st_mtime_ns
    assert compare(pair, tmp_path / "row.htm", *sweep) == 0
    assert (tmp_path / "row-cells" / "001.png").stat().st_mtime_ns == before
    assert "<svg" in (tmp_path / "row.htm").read_text(encoding="utf-8")
    assert {path.name for path in tmp_path.iterdir()} == {
        "row.png", "row.csv", "row-cells", "report.html", "row.htm",
    }  # fmt: skip


@pytest.mark.parametrize(
    ("output", "report", "message"),
    [
        ("row.png", "report.txt", "name it .html"),
        ("row.html", "report.html", "a page already"),
        ("row.txt", "report.html", "names no format"),
    ],
)
def test_an_unusable_page_name_is_refused_before_painting(
    pair, tmp_path, capsys, output, report, message
):
    words = ["--sweep", "tv-weight=0,4", "--report", str(tmp_path / report)]
    assert compare(pair, tmp_path / output, *words) == 2
    assert message in capsys.readouterr().err
    assert not list(tmp_path.iterdir())


def test_a_study_of_the_papers_by_name(pair, tmp_path):
    assert compare(pair, tmp_path / "study.png", "--study", "variation") == 0
    assert len(list((tmp_path / "study-cells").iterdir())) == 3


@pytest.mark.parametrize(
    ("words", "message"),
    [
        ([], "Choose what to compare"),
        (["--sweep", "tv-weight=1,-1"], "--tv-weight must be"),
        (["--sweep", "tv-weight=1", "--study", "start"], "Choose what to compare"),
        (["--sweep", "tv-weight=1", "--sweep", "tv-weight=2"], "Both sweeps"),
        (["--study", "variation", "--tv-weight", "3"], "sweeps tv_weight itself"),
        (["--sweep", "tv-weight=1", "--cell-height", "2"], "--cell-height"),
    ],
)
def test_wrong_options_are_refused_with_one_sentence(pair, tmp_path, capsys, words, message):
    assert compare(pair, tmp_path / "out.png", *words) == 2
    assert message in capsys.readouterr().err
    assert not list(tmp_path.iterdir())


def test_a_missing_picture_is_reported_before_painting(pair, tmp_path, capsys):
    words = ["--sweep", "tv-weight=1,2"]
    assert compare([pair[0], "missing.jpg"], tmp_path / "out.png", *words) == 2
    assert "missing.jpg" in capsys.readouterr().err


def numbers(path) -> list[dict[str, str]]:
    with path.open(newline="") as file:
        return list(csv.DictReader(file))


def test_the_losses_of_a_study_are_numbers_in_columns_of_their_own(pair, tmp_path):
    words = ["--study", "optimizer", "--steps=2", "--scales=1", "--laplacian-weight=0.1"]
    assert compare(pair, tmp_path / "row.png", *words) == 0
    rows = numbers(tmp_path / "row.csv")
    terms = ["content", "style", "laplacian", "structure", "pattern", "tv"]
    assert list(rows[0]) == ["optimizer", "picture", *terms]
    assert [row["optimizer"] for row in rows] == ["lbfgs", "adam"]
    for row in rows:
        assert all(float(row[term]) > 0 for term in terms if term != "pattern")
        assert float(row["pattern"]) >= 0  # 0 where no part of the photograph is even


def test_a_painting_of_no_steps_has_no_losses(pair, tmp_path):
    words = ["--size=64", "--smallest=64", "--final-steps=0", "--sweep=tv-weight=0,1", "--quiet"]
    assert run(["compare", *pair, "-o", str(tmp_path / "none.png"), *words]) == 0
    assert [list(row) for row in numbers(tmp_path / "none.csv")] == [["tv_weight", "picture"]] * 2


def test_regions_are_painted_in_every_cell(pair, tmp_path):
    """As by ``paint``: half of the picture in another style, or left as it is."""
    photo, painting = pair
    height, width = images.read(photo).size
    mask = torch.zeros(1, 3, height, width)
    mask[..., : width // 2] = 1
    images.write(tmp_path / "left.png", mask)
    region = f"left={tmp_path / 'left.png'}@{photo}"
    options = ["--region", region]
    assert compare(pair, tmp_path / "row.png", *options, "--sweep=tv-weight=1,2") == 0
    words = ["paint", str(photo), str(painting), "-o", str(tmp_path / "one.png")]
    assert run([*words, *options, "--tv-weight=2", *SMALL]) == 0
    cell, one = (images.read(tmp_path / n) for n in ("row-cells/001.png", "one.png"))
    assert torch.equal(cell.tensor, one.tensor)
    request = from_metadata(images.read_metadata(tmp_path / "row-cells" / "001.png"))
    assert [spec.name for spec in request.regions] == ["left"]


def test_a_region_without_its_mask_is_one_sentence(pair, tmp_path, capsys):
    sweep = "--sweep=tv-weight=1,2"
    assert compare(pair, tmp_path / "row.png", sweep, "--region", "sky=nothing.png@a.jpg") == 2
    assert "nothing.png" in capsys.readouterr().err
    assert compare(pair, tmp_path / "row.png", sweep, "--region", "sky") == 2
    assert "The region 'sky' cannot be read" in capsys.readouterr().err
