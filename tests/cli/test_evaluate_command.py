"""``impasto evaluate`` end to end on tiny pictures."""

import csv
import json
import os
import re
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from helpers.random_inputs import smooth_picture
from helpers.results_to_evaluate import write_two_methods
from impasto import images
from impasto.cli.main import run
from impasto.metrics.registry import METRICS, SET_METRICS, available_metrics

DOCS = Path(__file__).parents[2] / "docs"


@pytest.fixture(autouse=True)
def no_weights(monkeypatch, tmp_path_factory):
    """Only built-in weights; test_evaluate_learned.py has the others."""
    monkeypatch.setenv("IMPASTO_CACHE", str(tmp_path_factory.getbasetemp() / "no cache"))


@pytest.fixture(scope="module")
def world(tmp_path_factory):
    return write_two_methods(tmp_path_factory.mktemp("world"))


def inputs_of(world):
    return ["--content", str(world / "photos"), "--style", str(world / "paintings")]


def test_two_methods_are_compared(world, tmp_path, capsys):
    out = tmp_path / "new" / "figures"
    methods = [str(world / "out" / name) for name in ("mild", "bold")]
    assert run(["evaluate", *methods, *inputs_of(world), "-o", str(out)]) == 0
    output = capsys.readouterr()
    assert output.err == ""
    assert re.search(r"content +mild .*lower", output.out)
    assert "bold: 4 pictures" in output.out
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
    assert set(report["metrics"]) == set(available_metrics())
    with Image.open(out / "scatter.png") as image:
        assert image.size == (1080, 720)


def test_json_and_a_choice_of_metrics(world, capsys):
    words = [
        "evaluate",
        str(world / "out/bold"),
        *inputs_of(world),
        "--json",
        "--metrics",
        "tv, ssim",
    ]
    assert run(words) == 0
    report = json.loads(capsys.readouterr().out)
    assert list(report["methods"]["bold"]) == ["tv", "ssim", "seconds"]
    assert report["encoder"] == "compact"
    assert len(report["pictures"]) == 4


def test_what_cannot_be_evaluated_is_reported_and_the_rest_evaluated(world, tmp_path, capsys):
    mixed = tmp_path / "mixed"
    good = images.read(world / "out/mild/0.png").tensor
    images.write(mixed / "cat-sea.png", good)
    images.write(mixed / "unknown.png", good)
    images.write(mixed / "dog-sky.png", smooth_picture(64, 48, seed=1))
    (mixed / "broken.png").write_bytes(b"broken")
    words = ["evaluate", str(mixed), *inputs_of(world), "--metrics", "tv", "--json"]
    assert run(words) == 2
    output = capsys.readouterr()
    report = json.loads(output.out)
    assert [Path(row["result"]).name for row in report["pictures"]] == ["cat-sea.png"]
    assert [Path(row["result"]).name for row in report["failed"]] == [
        "broken.png", "dog-sky.png", "unknown.png"
    ]  # fmt: skip
    sentences = output.err.strip().splitlines()
    assert len(sentences) == 4
    for sentence, name in zip(sentences, ("broken", "dog-sky", "unknown"), strict=False):
        assert name in sentence
    assert sentences[-1] == "impasto: 3 of 4 results could not be evaluated."


def test_earlier_output_is_not_a_result(world, tmp_path, capsys):
    out = tmp_path / "out"
    images.write(out / "cat-sea.png", images.read(world / "out/mild/0.png").tensor)
    words = ["evaluate", str(out), *inputs_of(world), "-o", str(out / "figures")]
    for _ in range(2):
        assert run([*words, "--metrics", "content,gram"]) == 0
    assert "out: 1 picture\n" in capsys.readouterr().out
    assert (out / "figures" / "scatter.png").exists()


def test_the_output_must_not_be_among_the_results(world, tmp_path, capsys):
    out = tmp_path / "out"
    images.write(out / "cat-sea.png", images.read(world / "out/mild/0.png").tensor)
    words = ["evaluate", str(out), *inputs_of(world), "--metrics", "tv", "-o"]
    assert run([*words, str(out)]) == 2
    assert "holds the results: name another folder with -o" in capsys.readouterr().err
    assert [path.name for path in out.iterdir()] == ["cat-sea.png"]
    assert run([*words, str(tmp_path)]) == 0  # above them


def test_folders_of_the_same_name_are_distinguished(world, tmp_path, capsys):
    for name in ("first", "second"):
        images.write(
            tmp_path / name / "[red]out" / "cat-sea.png",
            images.read(world / "out/mild/0.png").tensor,
        )
    places = [str(tmp_path / name / "[red]out") for name in ("first", "second")]
    assert run(["evaluate", *places, *inputs_of(world), "--metrics", "tv", "--json"]) == 0
    assert list(json.loads(capsys.readouterr().out)["methods"]) == places
    assert run(["evaluate", places[0], *inputs_of(world), "--metrics", "tv"]) == 0
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
    output = capsys.readouterr().err
    assert named in output
    assert output.startswith("impasto: ")
    assert len(output.strip().splitlines()) == 1
    assert not list(tmp_path.iterdir())


def test_without_matplotlib(world, tmp_path, capsys, monkeypatch):
    monkeypatch.setitem(sys.modules, "matplotlib", None)
    words = [
        "evaluate",
        str(world / "out/mild"),
        *inputs_of(world),
        "--metrics",
        "content,gram",
    ]
    assert run([*words, "-o", str(tmp_path / "out")]) == 2
    assert "pip install '.[report]' in the clone" in capsys.readouterr().err
    assert not (tmp_path / "out").exists()
    assert run([*words, "-o", str(tmp_path / "out"), "--no-plot"]) == 0
    names = {path.name for path in (tmp_path / "out").iterdir()}
    assert names == {"pictures.csv", "evaluation.json"}


def test_an_interrupted_evaluation_prints_what_it_has(world, tmp_path):
    """Ctrl-C comes while the first picture is in hand."""
    program = (
        "import os, signal, sys\n"
        "from impasto.cli.commands import evaluate\n"
        "from impasto.cli.main import run\n"
        "evaluate_one = evaluate.Evaluator.__call__\n"
        "def slow(self, *pictures):\n"
        "    os.kill(os.getpid(), signal.SIGINT)\n"
        "    return evaluate_one(self, *pictures)\n"
        "evaluate.Evaluator.__call__ = slow\n"
        "sys.exit(run(sys.argv[1:]))\n"
    )
    words = ["evaluate", str(world / "out/mild"), *inputs_of(world), "--metrics", "tv"]
    made = subprocess.run(
        [sys.executable, "-c", program, *words, "-o", str(tmp_path / "out")],
        capture_output=True, text=True, env={**os.environ, "OMP_NUM_THREADS": "1"},
    )  # fmt: skip
    assert made.returncode == 130, made.stderr
    told = "impasto: stopping after this result\nstopped after 1 of 4 results\n"
    assert made.stderr == told
    assert "mild: 1 picture\n" in made.stdout
    assert len((tmp_path / "out/pictures.csv").read_text("utf-8").splitlines()) == 2


def test_the_docs_list_every_metric():
    page = (DOCS / "seeing.md").read_text(encoding="utf-8")
    rows = re.findall(r"^\| `([\w-]+)` \| (higher|lower) ", page, flags=re.MULTILINE)
    assert rows == [
        (name, metric.better) for name, metric in [*METRICS.items(), *SET_METRICS.items()]
    ]
