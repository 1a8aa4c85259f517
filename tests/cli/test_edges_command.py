"""``impasto edges``."""

import json

import numpy as np
import pytest
from PIL import Image

from helpers.random_inputs import smooth_picture
from impasto import images
from impasto.cli.main import run
from impasto.metrics.edges import (
    edge_difference,
    high_frequency_energy,
    render_edge_difference,
)


@pytest.fixture
def pictures(tmp_path):
    """A photograph, and a folder of two results of another size."""
    for name, size, seed in (
        ("photo.png", (60, 90), 1), ("out/one.png", (40, 60), 1), ("out/two.png", (40, 60), 2),
    ):  # fmt: skip
        images.write(tmp_path / name, smooth_picture(*size, seed=seed))
    return tmp_path


def test_a_sheet_of_a_picture_and_its_map(pictures, capsys):
    sheet = pictures / "sheet.png"
    assert run(["edges", str(pictures / "photo.png"), "-o", str(sheet)]) == 0
    output = capsys.readouterr().out
    energy = high_frequency_energy(images.read(pictures / "photo.png").tensor).item()
    assert output == f"{pictures / 'photo.png'}: high-frequency energy {energy:.3g}\n"
    with Image.open(sheet) as image:
        assert image.width == 2 * 90 + 3 * 12


def test_results_against_their_photograph(pictures, capsys):
    sheet = pictures / "sheet.png"
    words = ["edges", str(pictures / "out"), "--content", str(pictures / "photo.png")]
    assert run([*words, "-o", str(sheet), "--json"]) == 0
    report = json.loads(capsys.readouterr().out)
    assert [row["picture"] for row in report] == [
        str(pictures / f"out/{n}.png") for n in ("one", "two")
    ]
    photo = images.read(pictures / "photo.png").resized((40, 60)).tensor
    assert report[1]["content_energy"] == pytest.approx(high_frequency_energy(photo).item())
    with Image.open(sheet) as image:
        assert image.size == (5 * 60 + 6 * 12, 2 * (40 + 22 + 12) + 12)
        lost = np.asarray(image.convert("RGB"))[12 + 74 : 12 + 114, -72:-12]
    difference = edge_difference(images.read(pictures / "out/two.png").tensor, photo)
    expected = np.asarray(images.to_pil(render_edge_difference(difference)))
    assert np.abs(lost.astype(int) - expected).max() <= 1
    assert run(words) == 0
    assert "times as much" in capsys.readouterr().out


WRONG = {
    "no file": (["no.png"], "no.png"),
    "no picture": (["text.txt"], "text.txt is a text file: give a picture"),
    "empty folder": (["empty"], "holds no pictures"),
    "no photograph": (["photo.png", "--content", "no.png"], "no.png"),
    "another shape": (["tall.png", "--content", "photo.png"], "tall.png: photo.png is"),
    "tiny": (["tiny.png"], "tiny.png: A picture of 3×3 px"),
    "no size": (["photo.png", "--size", "0"], "--size"),
    "no format": (["photo.png", "-o", "sheet.xyz"], ".png"),
}


@pytest.mark.parametrize("case", WRONG)
def test_a_mistake_gets_one_sentence(case, pictures, capsys, monkeypatch):
    monkeypatch.chdir(pictures)
    images.write("tall.png", smooth_picture(60, 40, seed=1))
    images.write("tiny.png", smooth_picture(3, 3, seed=1))
    (pictures / "text.txt").write_text("no picture")
    (pictures / "empty").mkdir()
    words, named = WRONG[case]
    assert run(["edges", *words]) == 2
    output = capsys.readouterr()
    assert named in output.err
    assert output.err.startswith("impasto: ")
    assert len(output.err.strip().splitlines()) == 1
    assert output.out == ""
