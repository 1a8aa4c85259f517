"""Each of the six recipes in CONTRIBUTING.md works as it is written.

The files and entry points of a recipe make a package in a temporary folder, as if installed.
Its commands and programs then run in a fresh Python, where Impasto has to find what it adds.
"""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

import impasto
from impasto import images
from impasto.images.samples import PAIRS
from impasto.networks.files import load_network

PAGE = Path(__file__).parents[1] / "CONTRIBUTING.md"
SIZE = 64

RUNNER = """
import shlex, sys
from impasto.cli.main import run
for line in sys.stdin:
    if code := run(shlex.split(line)[1:]):
        sys.exit(code)
"""


def sections() -> dict[str, str]:
    """Title → text of each recipe."""
    parts = re.split(r"^### Add an? (.+)\n", PAGE.read_text(encoding="utf-8"), flags=re.MULTILINE)
    return dict(zip(parts[1::2], parts[2::2], strict=True))


def blocks(text: str) -> Iterator[tuple[str, str]]:
    """(language, code) of each block, small enough for a test."""
    for language, code in re.findall(r"```(\w+)\n(.*?)```", text, re.DOTALL):
        yield language, code.replace("256", str(SIZE))


def file_name(code: str) -> str | None:
    """``# impasto_extras/roots.py`` in the first line of a block that is a file."""
    match = re.match(r"# (\w+/\w+\.py)\n", code)
    return match and match[1]


@pytest.fixture
def folder(tmp_path):
    """Pictures to work with, of the names that the page uses."""
    pair = PAIRS["tuebingen-starry-night"]
    photo = images.read(pair.content_path, long_side=96).tensor
    painting = images.read(pair.style_path, long_side=96).tensor
    images.write(tmp_path / "photo.jpg", photo)
    images.write(tmp_path / "photos" / "photo.jpg", photo)
    images.write(tmp_path / "photos" / "other.jpg", painting)
    images.write(tmp_path / "painting.jpg", painting)
    images.write(tmp_path / "results" / "photo.png", painting[..., : photo.shape[-2], :])
    return tmp_path


def follow(title: str, folder: Path) -> list[str]:
    """Do what a recipe says, in order; what each of its commands and programs printed."""
    package = folder / "site"
    metadata = package / "impasto_extras-1.0.dist-info"
    metadata.mkdir(parents=True)
    (metadata / "METADATA").write_text(
        "Metadata-Version: 2.1\nName: impasto-extras\nVersion: 1.0\n"
    )
    printed = []
    for language, code in blocks(sections()[title]):
        if language == "toml":
            points = re.sub(r'\[project\.entry-points\."(.+)"\]', r"[\1]", code).replace('"', "")
            (metadata / "entry_points.txt").write_text(points)
        elif language == "python" and (name := file_name(code)):
            (package / name).parent.mkdir(exist_ok=True)
            (package / name).write_text(code, encoding="utf-8")
        elif language == "python":
            printed.append(python(code, "", folder))
        else:
            assert language == "sh"
            printed.append(python(RUNNER, code, folder))
    return printed


def python(program: str, text: str, folder: Path) -> str:
    source = Path(impasto.__file__).parents[1]
    environment = {
        **os.environ,
        "PYTHONPATH": os.pathsep.join([str(folder / "site"), str(source)]),
        "PYTHONWARNINGS": "error",
        "IMPASTO_CACHE": str(folder / "cache"),
        "OMP_NUM_THREADS": "1",
    }
    done = subprocess.run(
        [sys.executable, "-c", program],
        input=text, cwd=folder, env=environment, capture_output=True, text=True, encoding="utf-8",
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    return done.stdout


def test_there_are_six_recipes_in_the_order_of_the_table():
    table = re.findall(r"^\| \[([\w ]+)\]\(#add-a-[\w-]+\)", PAGE.read_text("utf-8"), re.MULTILINE)
    assert table == list(sections())
    assert len(table) == 6


def test_style_statistic(folder):
    follow("style statistic", folder)
    assert max(images.read(folder / "roots.png").size) == SIZE
    assert '"style_loss": "roots"' in str(images.read_metadata(folder / "roots.png"))


def test_loss_term(folder):
    (printed,) = follow("loss term", folder)
    dream = [float(value) for value in re.findall(r"'dream\.relu4_1': (-[\d.]+)", printed)]
    assert len(dream) == 4
    assert dream[-1] < dream[0] < 0  # features became stronger


def test_loss_term_is_the_same_in_tiles(folder, monkeypatch):
    follow("loss term", folder)
    monkeypatch.syspath_prepend(folder / "site")
    from impasto_extras.dream import DreamTerm

    from impasto.objective.terms import TiledTerm
    from impasto.objective.tiled import TiledObjective
    from impasto.objective.tiles import plan_tiles

    encoder = impasto.open_encoder("compact")
    photo = images.read(PAIRS["tuebingen-starry-night"].content_path, long_side=256).tensor
    term = DreamTerm(encoder(photo, ["relu2_1"]))
    assert isinstance(term, TiledTerm)
    size = (photo.shape[-2], photo.shape[-1])
    tiles = plan_tiles(size, 64, stride=2, halo=encoder.halo(["relu2_1"]))
    assert len(tiles) > 1
    objective = impasto.Objective([term], encoder)
    losses, gradient = objective.gradient(photo * 0.9)
    tiled_losses, tiled = TiledObjective(objective, encoder, tiles).gradient(photo * 0.9)
    assert tiled_losses == pytest.approx(losses, rel=1e-4)
    assert (tiled - gradient).abs().max() <= 1e-4 * gradient.abs().max()


def test_network(folder, monkeypatch):
    follow("network", folder)
    assert images.read(folder / "thin.png").size == images.read(folder / "photo.jpg").size
    exported = json.loads((folder / "thin-onnx" / "model.json").read_text(encoding="utf-8"))
    assert (exported["kind"], exported["styles"]) == ("thin", ["painting", "photograph"])
    # In this process the package is not installed: the file's kind is unknown.
    with pytest.raises(impasto.ImpastoError, match="thin"):
        load_network(folder / "thin.safetensors")


def test_metric(folder):
    (printed,) = follow("metric", folder)
    assert re.search(r"brightness\b", printed)


def test_command(folder):
    (printed,) = follow("command", folder)
    pictures = [line.partition(":")[0] for line in printed.splitlines()]
    assert pictures == ["photo.jpg", "painting.jpg"]
    listed = python("from impasto.cli.main import run; run(['-h'])", "", folder)
    assert "average-colour" in listed


def test_face(folder):
    (printed,) = follow("face", folder)
    events = [json.loads(line) for line in printed.splitlines()]
    kinds = [event["event"] for event in events]
    assert (kinds[0], kinds[-1]) == ("planned", "finished")
    assert kinds.count("progress") == sum(events[0]["steps"])
    assert (folder / "face.png").exists()


def test_page_names_files_that_exist():
    text = PAGE.read_text(encoding="utf-8")
    named = re.findall(r"`((?:\w+/)+\w+\.py)`", text)
    roots = [PAGE.parent, PAGE.parent / "src", PAGE.parent / "src/impasto"]
    assert [name for name in named if not any((root / name).is_file() for root in roots)] == []
    assert len(named) > 4
