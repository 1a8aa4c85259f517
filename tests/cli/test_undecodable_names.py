"""File names that are not valid UTF-8: every command works with them, or says so in a sentence."""

from __future__ import annotations

import csv
import io
import json
import os
import subprocess
import sys

import pytest

from helpers.random_inputs import smooth_picture
from impasto import images
from impasto.cli.main import run
from impasto.jobs.request_json import KEY
from impasto.jobs.requests import StyleInput, StylizeRequest
from impasto.jobs.results import describe_request

NAME = os.fsdecode(b"caf\xe9.png")
ESCAPED = "caf\\udce9.png"
SIZE = ["--size", "48", "--scales", "1", "--steps", "2", "--quiet"]


@pytest.fixture(autouse=True)
def place(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    for name in ("in/" + NAME, "in/b.png", "made/" + NAME):
        try:
            images.write(tmp_path / name, smooth_picture(48, 64, seed=len(name)))
        except OSError:  # noqa: PERF203
            pytest.skip("names are Unicode here")
    return tmp_path


PHOTO = f"in/{NAME}"
WORKS = {
    "paint": ["paint", PHOTO, "in/b.png", "-o", f"out/{NAME}", *SIZE, "--log", f"out/{NAME}.csv"],
    "paint, report": ["paint", PHOTO, PHOTO, "-o", "o.png", *SIZE, "--report", f"{NAME}.html"],
    "paint, snapshots": ["paint", PHOTO, PHOTO, "-o", "o.png", *SIZE, "--snapshots", "2",
                         "--snapshots-to", f"out/{NAME}-steps"],
    "paint, mask": ["paint", PHOTO, "in/b.png", "-o", "o.png", *SIZE,
                    "--region", f"all={PHOTO}@{PHOTO}"],
    "stylize": ["stylize", "in", "--style", PHOTO, "-o", os.fsdecode(b"d\xe9j\xe0")],
    "texture": ["texture", PHOTO, "-o", "o.png", "--size", "48", *SIZE[2:]],
    "reconstruct": ["reconstruct", PHOTO, "-o", "o.png", "--layer", "relu2_1", *SIZE],
    "compare": ["compare", PHOTO, PHOTO, "-o", f"{NAME}", "--sweep", "seed=1,2", *SIZE,
                "--report", f"{NAME}.html", "--workers", "1"],
    "inspect": ["inspect", PHOTO, "-o", "o.png", "--size", "64", "--against", PHOTO],
    "features": ["features", PHOTO, PHOTO, "--size", "64"],
    "edges": ["edges", PHOTO, "in", "-o", f"out/{NAME}"],
    "edges, JSON": ["edges", "in", "--json"],
    "evaluate": ["evaluate", "made", f"made/{NAME}", "--content", PHOTO, "--style", PHOTO,
                 "-o", f"out-{NAME}", "--metrics", "content,gram"],
    "evaluate, JSON": ["evaluate", "made", "--content", PHOTO, "--style", PHOTO, "--json",
                       "--metrics", "ssim"],
    "gallery": ["gallery", "in", "-o", f"out/{NAME}.html"],
}  # fmt: skip


@pytest.mark.parametrize("command", WORKS)
def test_every_command_works(command, place, capsys):
    assert run(WORKS[command]) == 0, capsys.readouterr().err
    printed = capsys.readouterr()
    assert "Traceback" not in printed.err
    (printed.out + printed.err).encode("utf-8")
    for path in place.rglob("*"):
        if path.suffix in (".csv", ".json", ".html"):
            path.read_text(encoding="utf-8")  # is valid
    assert run(WORKS[command]) == 0  # what exists is known again


def test_tables_have_the_escaped_name(place):
    assert run(WORKS["evaluate"]) == 0
    with open(f"out-{NAME}/pictures.csv", newline="", encoding="utf-8") as file:
        rows = list(csv.DictReader(file))
    assert [row["result"] for row in rows] == [f"made/{ESCAPED}"] * 2
    report = json.loads((place / f"out-{NAME}" / "evaluation.json").read_text(encoding="utf-8"))
    assert report["pictures"][0]["result"] == f"made/{NAME}"
    assert run(WORKS["compare"]) == 0
    with open(os.fsdecode(b"caf\xe9.csv"), newline="", encoding="utf-8") as file:
        assert {os.path.dirname(row["picture"]) for row in csv.DictReader(file)} == {
            "caf\\udce9-cells"
        }


@pytest.mark.parametrize("command", ["stylize", "paint, mask"])
def test_they_are_made_again_from_their_metadata(command, place, capsys):
    if command == "stylize":
        assert run(["stylize", PHOTO, "--style", PHOTO, "-o", "o.png"]) == 0
    else:
        assert run(WORKS[command]) == 0
    assert run(["rerun", "o.png", "--show"]) == 0
    assert ESCAPED in capsys.readouterr().out
    assert run(["rerun", "o.png", "-o", "again.png", "--quiet"]) == 0, capsys.readouterr().err
    assert images.read("again.png").tensor.equal(images.read("o.png").tensor)


def test_what_no_file_can_be_called_is_refused(place, capsys):
    request = StylizeRequest(f"in/{NAME}", (StyleInput("in/b.png"),))
    metadata = describe_request(request)
    changed = json.dumps({**json.loads(metadata[KEY]), "content": "\ud800.png"})
    hostile = {**metadata, KEY: changed}
    images.write("x.png", smooth_picture(8, 8, seed=1), metadata=hostile)
    assert run(["rerun", "x.png", "-o", "y.png"]) == 2
    assert "is a name with broken characters" in capsys.readouterr().err


@pytest.mark.parametrize("what", ["per-style", "encoder"])
def test_training(what, place, capsys):
    for number in range(2):
        images.write(f"photos/{number}-{NAME}", smooth_picture(80, 96, seed=number))
    words = ["train", what, "--content", "photos", "--steps", "1", "--crop", "64", "--quiet"]
    words += ["--style", "photos" if what == "encoder" else f"in/{NAME}"]
    if what == "encoder":
        words += ["--teacher", "compact", "--painted", "0"]
    else:
        words += ["--batch", "1", "--validate-every", "1"]
    assert run([*words, "-o", os.fsdecode(b"mod\xe9l.safetensors")]) == 0, capsys.readouterr().err
    for path in place.rglob("*.csv"):
        path.read_text(encoding="utf-8")


@pytest.mark.parametrize("locale", ["C", "de_DE.ISO-8859-1", "C.UTF-8"])
def test_in_any_locale(locale, place):
    environment = {**os.environ, "LC_ALL": locale, "PYTHONUTF8": "0", "PYTHONCOERCECLOCALE": "0"}
    environment.pop("PYTHONIOENCODING", None)
    command = [sys.executable, "-m", "impasto", "edges", "in", "絵.png".encode(), "-o", "o.png"]
    (place / "絵.png").write_bytes((place / "in" / "b.png").read_bytes())
    ended = subprocess.run(command, env=environment, capture_output=True, check=False)
    assert (ended.returncode, ended.stderr) == (0, b"")
    assert b"caf\\udce9.png: high-frequency" in ended.stdout or b"caf" in ended.stdout


def test_a_table_in_the_locale_of_another_country(place):
    (place / "in" / "絵.png").write_bytes((place / "in" / "b.png").read_bytes())
    environment = {**os.environ, "LC_ALL": "C", "PYTHONUTF8": "0", "PYTHONCOERCECLOCALE": "0"}
    words = ["evaluate", "in", "--content", "in/b.png", "--style", "in/b.png", "-o", "out"]
    command = [sys.executable, "-m", "impasto", *words, "--metrics", "ssim"]
    subprocess.run(command, env=environment, capture_output=True, check=True)
    table = (place / "out" / "pictures.csv").read_text(encoding="utf-8")
    rows = list(csv.DictReader(io.StringIO(table)))
    assert len(rows) == 3
    assert all(row["result"].isprintable() for row in rows)
