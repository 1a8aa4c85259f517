"""Time and memory: written into a picture's file, read back, and shown."""

import csv
import json
import subprocess
import sys

import pytest
import torch
from PIL import Image

from impasto import images
from impasto.cli.main import run
from impasto.evaluation.matching import References
from impasto.evaluation.results import EvaluatedResult, recorded_costs, value_names
from impasto.images.samples import PAIRS
from impasto.jobs.api import paint, stylize
from impasto.jobs.provenance import Provenance, costs, read_provenance
from impasto.jobs.requests import StyleInput, StylizeRequest
from impasto.jobs.results import Result
from impasto.reports.gallery import read_card
from impasto.runtime.memory import peak_bytes

TINY = ["--size", "48", "--steps", "4", "--scales", "1", "--quiet"]
PAIR = next(iter(PAIRS.values()))
PAIR_WORDS = [str(PAIR.content_path), str(PAIR.style_path)]


def origin_of(path):
    return read_provenance(images.read_metadata(path))


PEAKS = """
from impasto.runtime.memory import peak_bytes
print(peak_bytes())
held = bytearray(200_000_000)
print(peak_bytes())
del held
print(peak_bytes())
"""


@pytest.mark.skipif(sys.platform != "linux", reason="elsewhere a process inherits no peak")
def test_the_peak_is_what_the_process_itself_held():
    parent = (
        "import subprocess, sys\n"
        "held = bytearray(700_000_000)\n"
        f"subprocess.run([sys.executable, '-c', {PEAKS!r}], check=True)\n"
    )
    answer = subprocess.run([sys.executable, "-c", parent], capture_output=True, text=True)
    first, most, after = map(float, answer.stdout.split())
    assert 5e6 < first < 6e8  # not the parent's 700 MB
    assert 1.5e8 < most - first < 2.5e8
    assert after == pytest.approx(most, rel=0.01)  # Linux counts in batches


def test_costs_are_read_back():
    assert read_provenance(costs(1.25)) == Provenance(seconds=1.25)
    assert read_provenance(costs(0.0123456, 987654321.0)) == Provenance(
        seconds=0.012, peak_bytes=987654321
    )
    for wrong in ("lots", "nan", "-5", "inf"):
        assert read_provenance({"peak bytes": wrong}) == Provenance()


def test_costs_are_the_last_figures_of_a_picture(tmp_path):
    assert recorded_costs(Provenance()) == {}
    assert recorded_costs(Provenance(seconds=2.5)) == {"seconds": 2.5}
    found = recorded_costs(Provenance(seconds=0, peak_bytes=1.5e9))
    assert found == {"seconds": 0, "megabytes": 1500}
    row = EvaluatedResult("m", tmp_path, References(tmp_path, tmp_path), found | {"tv": 1.0})
    assert value_names([row]) == ["tv", "seconds", "megabytes"]


COMMANDS = {
    "paint": ["paint", *PAIR_WORDS, *TINY],
    "texture": ["texture", PAIR_WORDS[1], *TINY],
    "reconstruct": ["reconstruct", PAIR_WORDS[0], "--layer", "relu2_1", *TINY],
}


@pytest.mark.parametrize("command", COMMANDS)
def test_a_painting_tells_its_time_and_memory(command, tmp_path):
    out = tmp_path / "out.png"
    assert run([*COMMANDS[command], "-o", str(out), "--log", str(tmp_path / "log.csv")]) == 0
    found = origin_of(out)
    rows = list(csv.DictReader((tmp_path / "log.csv").read_text("utf-8").splitlines()))
    assert found.seconds == float(rows[-1]["seconds"]) > 0
    assert 1e8 < found.peak_bytes <= 1.01 * peak_bytes()


def test_painted_again_the_pixels_are_the_same(tmp_path):
    first, again = tmp_path / "first.jpg", tmp_path / "again.jpg"
    assert run([*COMMANDS["paint"], "-o", str(first)]) == 0
    assert run(["rerun", "--trust", str(first), "-o", str(again), "--quiet"]) == 0
    one, other = (Image.open(path) for path in (first, again))
    assert one.tobytes() == other.tobytes()


def test_a_painting_from_python_tells_its_time(tmp_path):
    """Of the memory nothing is said: the process may have done anything before."""
    made = paint(*PAIR_WORDS, size=48, steps=4, scales=1)
    found = origin_of(made.save(tmp_path / "out.webp"))
    assert found.seconds == pytest.approx(made.seconds, abs=1e-3)
    assert found.peak_bytes is None


def test_a_one_pass_picture_tells_its_time(tmp_path):
    request = StylizeRequest("a.jpg", (StyleInput("wave"),))
    made = Result(torch.zeros(1, 3, 8, 8), None, request, 0.04321)
    assert origin_of(made.save(tmp_path / "a.png")) == Provenance(
        "a.jpg", (("wave", 1.0),), seconds=0.043
    )
    made = stylize(*PAIR_WORDS, size=64)
    assert origin_of(made.save(tmp_path / "b.png")).seconds == pytest.approx(made.seconds, abs=1e-3)
    out = tmp_path / "c.png"
    words = [PAIR_WORDS[0], "--style", PAIR_WORDS[1], "--size", "64", "-o", str(out), "--quiet"]
    assert run(["stylize", *words]) == 0
    assert 0 < origin_of(out).seconds < 60


def test_evaluate_and_gallery_tell_both(tmp_path, capsys):
    out = tmp_path / "out"
    assert run([*COMMANDS["paint"], "-o", str(out / "a.png")]) == 0
    told = costs(0.04321, 1.5e9) | {"content": PAIR_WORDS[0], "style": json.dumps(PAIR_WORDS[1:])}
    images.write(out / "b.png", images.read(out / "a.png").tensor, metadata=told)
    words = ["--content", PAIR_WORDS[0], "--style", PAIR_WORDS[1], "--metrics", "tv"]
    assert run(["evaluate", str(out), *words, "--json"]) == 0
    report = json.loads(capsys.readouterr().out)
    own = origin_of(out / "a.png")
    found = [picture["megabytes"] for picture in report["pictures"]]
    assert found == [pytest.approx(own.peak_bytes / 1e6), 1500]
    assert report["methods"]["out"]["megabytes"]["mean"] == pytest.approx(sum(found) / 2)
    assert run(["evaluate", str(out), *words]) == 0
    table = capsys.readouterr().out
    assert table.index("seconds") < table.index("megabytes")
    card = read_card(out / "b.png", folder=out, page=out / "gallery.html")
    assert dict(card.entries) == {"seconds": "0.043", "megabytes": "1500"}
