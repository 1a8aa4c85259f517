"""``stylize --style-scale``: what a person types, what they get and what they are told."""

from __future__ import annotations

from pathlib import Path

import pytest

from helpers.pixels_of_files import pixels
from helpers.random_inputs import smooth_picture
from impasto import images
from impasto.cli.main import run
from impasto.jobs.request_json import from_metadata


@pytest.fixture(scope="module")
def photo(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("photo") / "photo.png"
    images.write(path, smooth_picture(48, 64, seed=1))
    return path


def stylize(photo: Path, output: Path, *words: str) -> int:
    return run(["stylize", str(photo), "--style", "great-wave", "-o", str(output), *words])


def test_strokes_have_the_size_that_is_asked_for_and_again_in_rerun(photo, tmp_path):
    outputs = {scale: tmp_path / f"{scale}.png" for scale in ("0", "1", "2")}
    for scale, output in outputs.items():
        assert stylize(photo, output, "--style-scale", scale, "--precision", "float32") == 0
        request = from_metadata(images.read_metadata(output))
        assert request.style_scale == float(scale)
    small, one, two = (pixels(outputs[scale]) for scale in ("0", "1", "2"))
    assert (small == one).all()  # a small picture has strokes of its own size already
    assert (two != one).any()
    again = tmp_path / "again.png"
    assert run(["rerun", "--trust", str(outputs["2"]), "-o", str(again), "--quiet"]) == 0
    assert (pixels(again) == two).all()


def test_strokes_that_are_not_possible_are_told(photo, tmp_path, capsys):
    assert stylize(photo, tmp_path / "fine.png", "--style-scale", "0.1") == 0
    told = capsys.readouterr().err
    assert "Strokes in a picture of 64×48 px are 250% as large as --style-scale asks for." in told
    assert stylize(photo, tmp_path / "fair.png", "--style-scale", "0.5") == 0
    assert "Strokes" not in capsys.readouterr().err


@pytest.mark.parametrize("scale", ["0.01", "-1", "21", "nan", "large"])
def test_a_scale_that_is_none_is_refused(photo, tmp_path, scale, capsys):
    try:
        code = stylize(photo, tmp_path / "out.png", f"--style-scale={scale}")
    except SystemExit as ended:  # what is no number, the parser refuses
        code = ended.code
    assert code == 2
    assert "--style-scale" in capsys.readouterr().err
    assert not (tmp_path / "out.png").exists()
