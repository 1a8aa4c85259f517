"""Results matched, judged and summed up; ``impasto evaluate`` end to end on tiny pictures."""

import csv
import json
import os
import re
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image

from conftest import smooth_picture
from impasto import images
from impasto.cli.main import run
from impasto.errors import ImageError, InputDataError, OptionError
from impasto.evaluation.judge import Judge
from impasto.evaluation.matching import Match, Shelf, brought_to, match, picture_files
from impasto.evaluation.scatter import draw_scatter, write_scatter
from impasto.evaluation.tables import Judged, as_json, columns, summary, write_csv
from impasto.images import Picture
from impasto.metrics.features import content_error, gram_error
from impasto.metrics.intervals import bootstrap_mean
from impasto.metrics.sets import SET_METRICS
from impasto.metrics.similarity import ssim
from impasto.metrics.table import METRICS, at_hand
from impasto.origins import Origin, read_origin
from impasto.painting import describe_sources
from impasto.stylizing import describe

DOCS = Path(__file__).parents[1] / "docs"


@pytest.fixture(autouse=True)
def no_weights(monkeypatch, tmp_path_factory):
    """But those that are built in; see test_learned_metrics.py for the others."""
    monkeypatch.setenv("IMPASTO_CACHE", str(tmp_path_factory.getbasetemp() / "no cache"))


# --- What a file says of itself -------------------------------------------------------------------


def test_the_origin_of_a_painting_is_read_back():
    told = describe_sources("photos/a.jpg", ["b.jpg", "c d.png"], [0.7, 0.3], ["coarse", ""])
    expected = (("b.jpg", 0.7), ("c d.png", 0.3))
    assert read_origin(told) == Origin("photos/a.jpg", expected)
    assert read_origin(describe_sources("a.jpg", ["fine=b:1.jpg"], None)).styles == (
        ("b:1.jpg", 1),
    )


def test_the_origin_of_a_one_pass_picture_is_read_back():
    told = describe("a.jpg", {"wave": 1.0, "b.jpg:2": 0.5}, {}) | {"seconds": "1.25"}
    assert read_origin(told) == Origin("a.jpg", (("wave", 1.0), ("b.jpg:2", 0.5)), 1.25)


@pytest.mark.parametrize(
    "told",
    [
        {}, {"style": "not JSON"}, {"style": "7"}, {"style": "[1, 2]"}, {"style": '{"a": "b"}'},
        {"style": "[" * 10**5}, {"seconds": "soon"}, {"seconds": "nan"}, {"seconds": "-1"},
        {"style": '{"a": true}'},
    ],
)  # fmt: skip
def test_what_has_another_form_is_not_told(told):
    assert read_origin(told) == Origin()


# --- Matching -------------------------------------------------------------------------------------


def shelf(folder, *names):
    for name in names:
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(b"")
    return Shelf(folder)


@pytest.fixture
def shelves(tmp_path):
    """Contents and styles, of which two have a - in their name."""
    contents = shelf(tmp_path / "photos", "cat.jpg", "old-town.png", "trip/cat-nap.jpg")
    return contents, shelf(tmp_path / "paintings", "wave.jpg", "night-sky.jpg")


def stems(found):
    return found.content.stem, found.style.stem


def painted_from(content, *styles):
    return describe_sources(content, list(styles), None)


@pytest.mark.parametrize(
    ("name", "told", "expected"),
    [
        ("x.png", painted_from("somewhere/cat.jpg", "else/wave.jpg"), ("cat", "wave")),
        ("x.png", painted_from("cat.tif", "wave"), ("cat", "wave")),
        ("x.png", painted_from("C:\\pictures\\cat.jpg", "wave.jpg"), ("cat", "wave")),
        ("x.png", describe("cat-nap.jpg", {"night-sky": 1.0}, {}), ("cat-nap", "night-sky")),
        ("cat-wave.png", {}, ("cat", "wave")),
        ("old-town-night-sky.jpg", {}, ("old-town", "night-sky")),
        ("cat-wave.png", painted_from("gone.jpg", "gone.jpg"), ("cat", "wave")),
        ("cat-wave.png", painted_from("old-town.png", "night-sky.jpg"), ("old-town", "night-sky")),
    ],
)
def test_a_result_finds_its_content_and_style(name, told, expected, shelves):
    assert stems(match(Path(name), told, *shelves)) == expected


@pytest.mark.parametrize(
    ("name", "told", "words"),
    [
        ("x.png", {}, "does not say what it was painted from"),
        ("cat.png", {}, "neither CONTENT-STYLE nor"),  # with two styles it could be either
        ("x.png", painted_from("dog.jpg", "wave.jpg"), "painted from dog.jpg, which is not in"),
        ("x.png", painted_from("cat.jpg", "fog.jpg"), "painted after fog.jpg, which is not in"),
        ("x.png", {"content": "cat.jpg"}, "does not say which style"),
        ("x.png", {"style": '["wave.jpg"]'}, "does not say what it was painted from"),
        ("x.png", painted_from("cat.jpg", "wave.jpg", "fog.jpg"), "mixes 2 styles (wave.jpg, fog"),
    ],
)
def test_a_result_without_a_match_is_told_why(name, told, words, shelves):
    with pytest.raises(InputDataError) as caught:
        match(Path(name), told, *shelves)
    assert words in str(caught.value)
    assert str(caught.value).startswith(name)


def test_one_name_for_two_pictures(tmp_path):
    contents = shelf(tmp_path / "photos", "cat.jpg", "other/cat.jpg", "dog.jpg", "dog.png")
    styles = shelf(tmp_path / "paintings", "wave.jpg")
    for told in (painted_from("cat.jpg", "wave.jpg"), painted_from("dog.tif", "wave.jpg")):
        with pytest.raises(InputDataError, match="rename one of them"):
            match(Path("x.png"), told, contents, styles)
    exactly = painted_from(str(tmp_path / "photos/other/cat.jpg"), "wave.jpg")
    found = match(Path("x.png"), exactly, contents, styles)
    assert found.content == tmp_path / "photos/other/cat.jpg"
    assert (
        stems(match(Path("x"), painted_from("dog.png", "wave.jpg"), contents, styles))[0] == "dog"
    )


def test_a_name_that_could_be_two_pairs(tmp_path):
    contents = shelf(tmp_path / "photos", "a.jpg", "a-b.jpg")
    styles = shelf(tmp_path / "paintings", "b-c.jpg", "c.jpg")
    with pytest.raises(InputDataError, match=r"named after a.jpg and b-c.jpg or after a-b.jpg and"):
        match(Path("a-b-c.png"), {}, contents, styles)


def test_single_contents_and_styles(tmp_path, shelves):
    contents, styles = shelves
    wave, cat = Shelf(styles.find("wave.jpg")), Shelf(contents.find("cat.jpg"))
    assert stems(match(Path("cat-nap.png"), {}, contents, wave)) == ("cat-nap", "wave")
    assert stems(match(Path("night-sky.png"), {}, cat, styles)) == ("cat", "night-sky")
    assert stems(match(Path("anything.png"), {}, cat, wave)) == ("cat", "wave")
    with pytest.raises(InputDataError, match=r"which is not .*cat\.jpg"):
        match(Path("x.png"), painted_from("dog.jpg", "wave.jpg"), cat, wave)


def test_a_shelf_needs_pictures(tmp_path):
    (tmp_path / "notes.txt").write_text("none")
    for place, words in ((tmp_path, "holds no pictures"), (tmp_path / "no", "no folder or file")):
        with pytest.raises(InputDataError, match=words):
            Shelf(place)
    assert picture_files(tmp_path / "notes.txt") == [tmp_path / "notes.txt"]  # its reader complains


def test_a_content_is_brought_to_its_results_size():
    content = Picture(smooth_picture(60, 90, seed=1), path=Path("photo.png"))
    assert brought_to(content, (40, 60)).size == (40, 60)
    assert brought_to(content, (41, 60)).size == (41, 60)  # a rounded side
    assert brought_to(content, (208, 304)).size == (208, 304)
    for size in ((60, 40), (44, 60), (60, 60)):
        with pytest.raises(ImageError, match="was not painted from the other"):
            brought_to(content, size)


# --- Judging --------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def world(tmp_path_factory):
    """Two photographs, two paintings, and the results of two methods for each pair of them."""
    folder = tmp_path_factory.mktemp("world")
    photos = {name: smooth_picture(48, 64, seed=seed) for name, seed in (("cat", 1), ("dog", 2))}
    paintings = {name: smooth_picture(56, 56, seed=seed) for name, seed in (("sea", 3), ("sky", 4))}
    for kind, pictures in (("photos", photos), ("paintings", paintings)):
        for name, picture in pictures.items():
            images.write(folder / kind / f"{name}.png", picture)
    for method, share in (("mild", 0.2), ("bold", 0.7)):
        for number, (content, style) in enumerate((c, s) for c in photos for s in paintings):
            blend = torch.lerp(photos[content], images.resize(paintings[style], (48, 64)), share)
            told = painted_from(f"photos/{content}.png", f"paintings/{style}.png")
            told |= {"seconds": str(number + share)} if method == "bold" else {}
            images.write(folder / "out" / method / f"{number}.png", blend, metadata=told)
    return folder


def where(world):
    return ["--content", str(world / "photos"), "--style", str(world / "paintings")]


def test_the_figures_are_those_of_the_functions(world, encoder):
    judge = Judge(encoder)
    pair = Match(world / "photos/cat.png", world / "paintings/sky.png")
    found = judge(world / "out/bold/1.png", pair)
    assert [name for name in found if "." not in name] == at_hand()
    result, content = (images.read(p).tensor for p in (world / "out/bold/1.png", pair.content))
    style = images.read(pair.style, long_side=64).tensor
    seen = [encoder(picture, ["relu2_1", "relu4_1"]) for picture in (result, content, style)]
    assert found["ssim"] == pytest.approx(ssim(result, content).item())
    expected = content_error(seen[0]["relu4_1"], seen[1]["relu4_1"]).item()
    assert found["content"] == pytest.approx(expected)
    expected = gram_error(seen[0]["relu2_1"], seen[2]["relu2_1"]).item()
    assert found["gram.relu2_1"] == pytest.approx(expected)
    assert judge(world / "out/bold/1.png", pair) == found
    itself = judge(world / "photos/cat.png", Match(pair.content, pair.content))
    for name in at_hand():
        expected = 1.0 if METRICS[name].better == "higher" else 0.0
        if METRICS[name].against:
            assert itself[name] == pytest.approx(expected, abs=1e-6)


def test_a_large_result_is_judged_smaller(world, encoder, tmp_path):
    large = tmp_path / "large.png"
    images.write(large, images.resize(images.read(world / "out/mild/0.png").tensor, (144, 192)))
    pair = Match(world / "photos/cat.png", world / "paintings/sea.png")
    small = Judge(encoder, ["ssim", "tv"], size=64)(large, pair)
    assert small["ssim"] > 0.9
    assert Judge(encoder, ["ssim", "tv"], size=512)(large, pair)["tv"] < 0.5 * small["tv"]
    assert set(small) == {"ssim", "tv"}


def test_pictures_that_cannot_be_judged(world, encoder, tmp_path):
    pair = Match(world / "photos/cat.png", world / "paintings/sea.png")
    images.write(tmp_path / "tiny.png", smooth_picture(24, 32, seed=1))
    with pytest.raises(ImageError, match=r"tiny.png is judged at 32×24 px: .* at least 32 px"):
        Judge(encoder)(tmp_path / "tiny.png", pair)
    assert Judge(encoder, ["ssim"])(tmp_path / "tiny.png", pair)["ssim"] < 1
    with pytest.raises(OptionError, match="Did you mean 'ssim'"):
        Judge(encoder, ["sssim"])


# --- Tables and the plot --------------------------------------------------------------------------


def rows_of(**methods):
    pair = Match(Path("c.png"), Path("s.png"))
    return [
        Judged(method, Path(f"{method}/{number}.png"), pair, figures)
        for method, found in methods.items()
        for number, figures in enumerate(found)
    ]


def test_means_are_over_the_pictures_that_have_the_figure(tmp_path):
    rows = rows_of(a=[{"tv": 1.0, "seconds": 3.0}, {"tv": 2.0}], b=[{"seconds": 1.0, "tv": 5.0}])
    means = summary(rows)
    assert means["a"]["tv"] == bootstrap_mean([1.0, 2.0])
    assert means["a"]["seconds"].mean == 3
    assert columns(rows) == ["tv", "seconds"]
    told = json.loads(as_json(rows, [(Path("x"), "why")], {"size": 9}))
    assert told["methods"]["b"]["tv"] == {"mean": 5.0, "low": None, "high": None}
    assert told["failed"] == [{"result": "x", "reason": "why"}]
    write_csv(tmp_path / "t.csv", rows)
    lines = list(csv.DictReader((tmp_path / "t.csv").read_text("utf-8").splitlines()))
    assert [line["seconds"] for line in lines] == ["3.0", "", "1.0"]


def test_the_plot_takes_any_names_and_numbers(tmp_path):
    random = np.random.default_rng(1)
    names = [
        "plain",
        "$a_b^{$",
        "_hidden",
        "long " * 20,
        "x" * 80,
        "漢字",
        "<b>",
        "\\frac",
        "9",
        "10",
    ]
    for spread in (1, 1000):
        found = [
            [{"content": x, "gram": x * y + 1e-4} for x, y in random.random((5, 2)) ** spread]
            for _ in names
        ]
        write_scatter(tmp_path / "s.png", rows_of(**dict(zip(names, found, strict=True))))
    write_scatter(tmp_path / "one.png", rows_of(only=[{"content": 0.0, "gram": 0.0}]))
    with Image.open(tmp_path / "s.png") as image:
        assert image.size == (1080, 720)


def test_the_legend_names_every_method_and_covers_no_point():
    found = {name: [{"content": 0.1, "gram": 0.2}] * 3 for name in ("_a", "b" * 50, "c", "d")}
    figure = draw_scatter(rows_of(**found))
    figure.draw_without_rendering()
    (legend,), (axes,) = figure.legends, figure.axes
    texts = [text.get_text().replace("\n", "") for text in legend.get_texts()]
    assert texts == [" _a (3)", "b" * 50 + " (3)", "c (3)", "d (3)"]
    box = legend.get_window_extent()
    assert not axes.get_tightbbox().overlaps(box)
    assert box.x1 <= figure.bbox.x1
    sizes = [len(points.get_offsets()) for points in axes.collections]
    assert sizes.count(3) == 4
    assert axes.collections[-1].get_offsets().tolist() == [pytest.approx([0.1, 0.2])]  # a mean


# --- impasto evaluate -----------------------------------------------------------------------------


def test_two_methods_are_compared(world, tmp_path, capsys):
    out = tmp_path / "new" / "figures"
    methods = [str(world / "out" / name) for name in ("mild", "bold")]
    assert run(["evaluate", *methods, *where(world), "-o", str(out)]) == 0
    told = capsys.readouterr()
    assert told.err == ""
    assert re.search(r"content +mild .*lower", told.out)
    assert "bold: 4 pictures" in told.out
    assert {path.name for path in out.iterdir()} == {
        "pictures.csv",
        "evaluation.json",
        "scatter.png",
    }
    lines = list(csv.DictReader((out / "pictures.csv").read_text("utf-8").splitlines()))
    assert [line["method"] for line in lines] == ["mild"] * 4 + ["bold"] * 4
    assert lines[6]["content_file"] == str(world / "photos/dog.png")
    report = json.loads((out / "evaluation.json").read_text("utf-8"))
    means = report["methods"]
    assert means["mild"]["content"]["mean"] < means["bold"]["content"]["mean"]
    assert means["mild"]["ssim"]["mean"] > means["bold"]["ssim"]["mean"]
    assert means["mild"]["colours"]["mean"] > means["bold"]["colours"]["mean"]
    figures = [float(line["gram"]) for line in lines[:4]]
    assert means["mild"]["gram"]["mean"] == pytest.approx(np.mean(figures))
    assert means["mild"]["gram"]["low"] <= np.mean(figures) <= means["mild"]["gram"]["high"]
    assert [line["seconds"] for line in lines[4:]] == ["0.7", "1.7", "2.7", "3.7"]
    assert set(report["metrics"]) == set(at_hand())
    with Image.open(out / "scatter.png") as image:
        assert image.size == (1080, 720)


def test_json_and_a_choice_of_metrics(world, capsys):
    words = ["evaluate", str(world / "out/bold"), *where(world), "--json", "--metrics", "tv, ssim"]
    assert run(words) == 0
    report = json.loads(capsys.readouterr().out)
    assert list(report["methods"]["bold"]) == ["tv", "ssim", "seconds"]
    assert report["encoder"] == "compact"
    assert len(report["pictures"]) == 4


def test_what_cannot_be_judged_is_named_and_the_rest_is_done(world, tmp_path, capsys):
    mixed = tmp_path / "mixed"
    good = images.read(world / "out/mild/0.png").tensor
    images.write(mixed / "cat-sea.png", good)
    images.write(mixed / "unknown.png", good)
    images.write(mixed / "dog-sky.png", smooth_picture(64, 48, seed=1))
    (mixed / "broken.png").write_bytes(b"broken")
    words = ["evaluate", str(mixed), *where(world), "--metrics", "tv", "--json"]
    assert run(words) == 2
    told = capsys.readouterr()
    report = json.loads(told.out)
    assert [Path(row["result"]).name for row in report["pictures"]] == ["cat-sea.png"]
    assert [Path(row["result"]).name for row in report["failed"]] == [
        "broken.png", "dog-sky.png", "unknown.png"
    ]  # fmt: skip
    sentences = told.err.strip().splitlines()
    assert len(sentences) == 4
    for sentence, name in zip(sentences, ("broken", "dog-sky", "unknown"), strict=False):
        assert name in sentence
    assert sentences[-1] == "impasto: 3 of 4 results could not be judged."


def test_its_own_output_is_no_result(world, tmp_path, capsys):
    out = tmp_path / "out"
    images.write(out / "cat-sea.png", images.read(world / "out/mild/0.png").tensor)
    words = ["evaluate", str(out), *where(world), "-o", str(out / "figures")]
    for _ in range(2):
        assert run([*words, "--metrics", "content,gram"]) == 0
    assert "out: 1 picture\n" in capsys.readouterr().out
    assert (out / "figures" / "scatter.png").exists()


def test_folders_of_one_name_are_told_apart(world, tmp_path, capsys):
    for name in ("first", "second"):
        images.write(
            tmp_path / name / "[red]out" / "cat-sea.png",
            images.read(world / "out/mild/0.png").tensor,
        )
    places = [str(tmp_path / name / "[red]out") for name in ("first", "second")]
    assert run(["evaluate", *places, *where(world), "--metrics", "tv", "--json"]) == 0
    assert list(json.loads(capsys.readouterr().out)["methods"]) == places
    assert run(["evaluate", places[0], *where(world), "--metrics", "tv"]) == 0
    assert "[red]out: 1 picture" in capsys.readouterr().out


WRONG = {
    "no results": (["no", "C", "S"], "There is no folder or file no"),
    "no contents": (["R", "no", "S"], "There is no folder or file no"),
    "unknown metric": (["R", "C", "S", "--metrics", "ssmi"], "Did you mean 'ssim'"),
    "unknown encoder": (["R", "C", "S", "--encoder", "vgg91"], "vgg19"),
    "no size": (["R", "C", "S", "--size", "0"], "--size"),
    "output is a file": (["R", "C", "S", "-o", "R/0.png"], "0.png is a file"),
}


@pytest.mark.parametrize("case", WRONG)
def test_a_mistake_gets_one_sentence(case, world, capsys, monkeypatch, tmp_path):
    monkeypatch.chdir(tmp_path)
    (results, content, style, *rest), named = WRONG[case]
    places = {"R": "out/mild", "C": "photos", "S": "paintings"}
    results, content, style = (
        str(world / places[w]) if w in places else w for w in (results, content, style)
    )
    rest = [word.replace("R/", f"{world}/out/mild/") for word in rest]
    assert run(["evaluate", results, "--content", content, "--style", style, *rest]) == 2
    told = capsys.readouterr().err
    assert named in told
    assert told.startswith("impasto: ")
    assert len(told.strip().splitlines()) == 1
    assert not list(tmp_path.iterdir())


def test_without_matplotlib(world, tmp_path, capsys, monkeypatch):
    monkeypatch.setitem(sys.modules, "matplotlib", None)
    words = ["evaluate", str(world / "out/mild"), *where(world), "--metrics", "content,gram"]
    assert run([*words, "-o", str(tmp_path / "out")]) == 2
    assert "pip install 'impasto[report]'" in capsys.readouterr().err
    assert not (tmp_path / "out").exists()
    assert run([*words, "-o", str(tmp_path / "out"), "--no-plot"]) == 0
    names = {path.name for path in (tmp_path / "out").iterdir()}
    assert names == {"pictures.csv", "evaluation.json"}


def test_interrupted_it_tells_what_it_has(world, tmp_path):
    """Ctrl-C comes while the first picture is in hand."""
    program = (
        "import os, signal, sys\n"
        "from impasto.cli import evaluate\n"
        "from impasto.cli.main import run\n"
        "judge = evaluate.Judge.__call__\n"
        "def slow(self, *pictures):\n"
        "    os.kill(os.getpid(), signal.SIGINT)\n"
        "    return judge(self, *pictures)\n"
        "evaluate.Judge.__call__ = slow\n"
        "sys.exit(run(sys.argv[1:]))\n"
    )
    words = ["evaluate", str(world / "out/mild"), *where(world), "--metrics", "tv"]
    made = subprocess.run(
        [sys.executable, "-c", program, *words, "-o", str(tmp_path / "out")],
        capture_output=True, text=True, env={**os.environ, "OMP_NUM_THREADS": "1"},
    )  # fmt: skip
    assert made.returncode == 130, made.stderr
    assert made.stderr == "stopped after 1 of 4 results\n"
    assert "mild: 1 picture\n" in made.stdout
    assert len((tmp_path / "out/pictures.csv").read_text("utf-8").splitlines()) == 2


def test_the_docs_list_every_metric():
    page = (DOCS / "seeing.md").read_text(encoding="utf-8")
    rows = re.findall(r"^\| `([\w-]+)` \| (higher|lower) ", page, flags=re.MULTILINE)
    assert rows == [
        (name, metric.better) for name, metric in [*METRICS.items(), *SET_METRICS.items()]
    ]
