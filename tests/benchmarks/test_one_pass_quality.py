"""The benchmark by its command: table, files, sheets, pairs, and mistakes."""

import csv
import json

import pytest
import torch
from PIL import Image

import one_pass_quality
from helpers.random_inputs import smooth_picture
from helpers.tiny_networks import fixed_styles
from impasto import images
from impasto.errors import InputDataError, OptionError
from impasto.images.contact_sheet import MARGIN, CaptionedImage
from impasto.networks.files import save_network
from impasto.training.crops import is_held_out
from judging.judges import BETTER
from judging.pairs import PairSet, held_out_pairs, named_pairs, title
from judging.report import averages, number, sheet, table


@pytest.fixture
def run(capsys):
    """Runs the command and returns what it prints on stdout; on stderr if it is to fail."""

    def call(*arguments, code=0):
        assert one_pass_quality.main([str(each) for each in arguments]) == code
        printed = capsys.readouterr()
        return printed.err if code else printed.out

    return call


def data(folder):
    return ["--content", folder / "photos", "--style", folder / "paintings"]


@pytest.mark.slow
def test_all_files_and_the_table_agree(run, pictures_folders, tmp_path, unseen_file):
    files = ["--json", tmp_path / "x.json", "--csv", tmp_path / "x.csv", "--sheets", tmp_path / "s"]
    judges = ["--vgg", "compact", "--teacher", "compact", "--unseen", unseen_file]
    options = ["--pairs", 2, "--size", 96, "--cache", tmp_path / "cache"]
    printed = run("photograph", "any", *data(pictures_folders), *judges, *files, *options)
    lines = [line.strip("| ").split(" | ") for line in printed.splitlines() if " | " in line]
    assert lines[0] == ["mean", *BETTER, "seconds"]
    assert [row[0] for row in lines] == ["mean", "photograph", "any", "median", "photograph", "any"]

    methods = json.loads((tmp_path / "x.json").read_text(encoding="utf-8"))["methods"]
    with (tmp_path / "x.csv").open(newline="", encoding="utf-8") as file:
        rows = list(csv.DictReader(file))
    assert [row["method"] for row in rows] == ["photograph"] * 2 + ["any"] * 2
    for row in rows:
        for name, value in methods[row["method"]]["pairs"][row["pair"]].items():
            assert float(row[name]) == value
    for line in lines[1:3]:
        for name, cell in zip(lines[0][1:], line[1:], strict=True):
            found = methods[line[0]]["averages"].get(name)
            assert cell == ("–" if found is None else number(found["mean"]))
    assert methods["photograph"]["averages"]["content"]["mean"] < 1e-4  # but for rounding to 8 bits
    assert methods["any"]["averages"]["vgg_gram"]["mean"] > 0

    sheets = sorted((tmp_path / "s").iterdir())
    pairs = held_out_pairs(*map(str, data(pictures_folders)[1::2]), PairSet(2, 96))
    assert [path.stem for path in sheets] == sorted(map(title, pairs))
    first = next(pair for pair in pairs if title(pair) == sheets[0].stem)
    with Image.open(sheets[0]) as opened:
        width, height = first.content.tensor.shape[3], first.content.tensor.shape[2]
        cell = opened.convert("RGB").crop((MARGIN, MARGIN, MARGIN + width, MARGIN + height))
        assert cell.tobytes() == images.to_pil(first.content.tensor).tobytes()


@pytest.mark.slow
def test_pairs_for_another_program_and_its_pictures(run, pictures_folders, tmp_path):
    options = [*data(pictures_folders), "--pairs", 2, "--size", 96, "--cache", tmp_path / "cache"]
    assert run("--write-pairs", tmp_path / "pairs", *options) == ""
    contents = sorted((tmp_path / "pairs").glob("*.content.png"))
    assert len(contents) == len(list((tmp_path / "pairs").glob("*.style.png"))) == 2
    for path in contents:
        picture = images.read(path).tensor
        name = path.name.replace(".content", "")
        images.write(tmp_path / "theirs" / name, picture.flip(1))
    run(tmp_path / "theirs", "photograph", *options, "--json", tmp_path / "x.json")
    methods = json.loads((tmp_path / "x.json").read_text(encoding="utf-8"))["methods"]
    assert list(methods) == ["theirs", "photograph"]
    assert methods["theirs"]["averages"]["structure"]["mean"] < 1
    assert methods["photograph"]["averages"]["structure"]["mean"] == pytest.approx(1, abs=1e-3)


def test_styles_of_a_model_by_their_pictures(run, pictures_folders, tmp_path):
    model = fixed_styles("paint", "wave", "rain")
    save_network(tmp_path / "two.safetensors", model, dtype=torch.float32)
    for seed, name in enumerate(("wave", "rain", "snow")):
        images.write(tmp_path / "styles" / f"{name}.png", smooth_picture(80, 80, seed=seed))
    common = ["--content", pictures_folders / "photos", "--pictures", tmp_path / "styles",
              "--pairs", 1, "--size", 96, "--cache", tmp_path / "cache"]  # fmt: skip
    run(tmp_path / "two.safetensors", "any", *common, "--json", tmp_path / "x.json")
    methods = json.loads((tmp_path / "x.json").read_text(encoding="utf-8"))["methods"]
    for method in ("two", "any"):
        styles = [pair.partition("__")[2] for pair in methods[method]["pairs"]]
        assert styles == ["wave", "rain"]
    assert "name one, or give --style instead" in run("any", *common, code=1)
    with pytest.raises(OptionError, match="has no picture named hail"):
        named_pairs(str(pictures_folders / "photos"), str(tmp_path / "styles"), ["hail"],
                    PairSet(1, 96))  # fmt: skip


def test_pairs_are_held_out_and_always_the_same(pictures_folders, tmp_path):
    folders = [str(pictures_folders / name) for name in ("photos", "paintings")]
    pairs = held_out_pairs(*folders, PairSet(3, 96))
    for pair in pairs:
        assert is_held_out(pair.content.path)
        assert is_held_out(pair.style.path)
        assert max(pair.content.tensor.shape) == 96
    again = held_out_pairs(*folders, PairSet(3, 96))
    assert [title(pair) for pair in pairs] == [title(pair) for pair in again]
    images.write(tmp_path / "trained-on-2.png", smooth_picture(40, 40, seed=1))
    with pytest.raises(InputDataError, match="has no held-out picture"):
        held_out_pairs(str(tmp_path), folders[1], PairSet(3, 96))


def test_mistakes_are_one_sentence(run, pictures_folders, tmp_path):
    common = [*data(pictures_folders), "--cache", tmp_path]
    assert run("any", *common[:2], code=1) == "Name a folder of paintings with --style.\n"
    assert "'anny' is no method" in run("anny", *common, code=1)
    assert "Two methods are called any" in run("any", "any", *common, code=1)
    assert run("microast", *common, code=1).count("--microast") == 1


def test_averages_are_over_the_pairs_that_have_the_figure():
    rows = {"a": {"x": 1.0, "y": 2.0}, "b": {"x": 4.0}, "c": {"x": 10.0}}
    found = averages(rows, ["x", "y", "z"])
    assert found["x"] == {"mean": 5.0, "median": 4.0, "pairs": 3}
    assert found["y"] == {"mean": 2.0, "median": 2.0, "pairs": 1}
    assert "z" not in found
    assert table({"m": rows}, ["x", "z"], "median") == (
        "| median | x | z |\n|---|---|---|\n| m | 4.00 | – |"
    )


@pytest.mark.parametrize(
    ("value", "text"),
    [(0.0, "0"), (0.1234, ".123"), (-0.05, "-.050"), (1.234, "1.23"), (12.34, "12.3"),
     (123.4, "123"), (0.0004, ".000")],
)  # fmt: skip
def test_numbers_have_three_digits(value, text):
    assert number(value) == text


def test_every_picture_of_a_sheet_has_its_own_size():
    sizes = [(30, 20), (20, 30), (25, 25), (40, 10)]  # width, height; three in the first row
    pictures = [Image.new("RGB", size, (9 * i, 0, 200)) for i, size in enumerate(sizes)]
    made = sheet([CaptionedImage(picture, "x") for picture in pictures])
    for i, (width, height) in enumerate(sizes):
        colour = (9 * i, 0, 200)
        pixels = sum(made.getpixel((x, y)) == colour for x in range(made.width)
                     for y in range(made.height))  # fmt: skip
        assert pixels == width * height
