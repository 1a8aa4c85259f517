"""Controls in one call, on the command line and in ``impasto rerun``: the same picture."""

import json

import numpy as np
import pytest
import torch
from PIL import Image

import impasto
from helpers.quick_paintings import COLD, FAST, SIZE, WARM, left
from impasto import images
from impasto.cli.main import run
from impasto.encoders.files import save_encoder
from impasto.errors import OptionError
from impasto.jobs.request_json import from_metadata
from impasto.painting.objective_builder import COARSE, FINE


@pytest.fixture
def files(tmp_path, encoder, content):
    """Pictures, masks and an encoder."""
    images.write(tmp_path / "photo.png", content.tensor)
    images.write(tmp_path / "warm.png", WARM.tensor)
    images.write(tmp_path / "cold.png", COLD.tensor)
    images.write(tmp_path / "left.png", left().expand(1, 3, -1, -1))
    labels = torch.cat([left(), 1 - left(), torch.zeros(1, 1, *SIZE)], dim=1)
    images.write(tmp_path / "labels.png", labels)
    theirs = left(WARM.size)
    images.write(tmp_path / "s.png", torch.cat([theirs, 1 - theirs, 0 * theirs], dim=1))
    save_encoder(tmp_path / "tiny.safetensors", encoder, dtype=torch.float32)
    return tmp_path


def test_levels_in_one_call_as_on_the_command_line(files):
    options = {"recipe": FAST, "encoder": str(files / "tiny.safetensors"), "precision": "float32"}
    content, (warm, cold) = files / "photo.png", (files / "warm.png", files / "cold.png")
    levels, shares = [COARSE, FINE, ""], [0.5, 0.3, 0.2]
    painting = impasto.paint(content, [warm, cold, warm], levels=levels, shares=shares, **options)
    written = [f"coarse={warm}:0.5", f"fine={cold}:0.3", f"{warm}:0.2"]
    assert [str(style) for style in painting.request.styles] == written
    # The file of a picture from the command line says the same, and it is the same picture.
    (files / "fast.toml").write_text(FAST.to_toml())
    words = ["--recipe", str(files / "fast.toml"), "--precision", "float32", "--quiet"]
    words += ["--encoder", str(files / "tiny.safetensors"), "-o", str(files / "levels.png")]
    assert run(["paint", str(content), *written, *words]) == 0
    kept = from_metadata(images.read_metadata(files / "levels.png"))
    assert kept.styles == painting.request.styles
    again = images.read(files / "levels.png").tensor
    torch.testing.assert_close(painting.tensor, again, atol=0.51 / 255, rtol=0)
    others = [impasto.paint(content, [warm, cold, warm], levels=other, shares=shares, **options)
              for other in (None, [FINE, COARSE, ""])]  # fmt: skip
    assert all((other.tensor - painting.tensor).abs().mean() > 0.01 for other in others)


def test_levels_in_one_call_that_do_not_fit(files):
    warm = files / "warm.png"
    for levels, message in (
        ([COARSE], "2 styles need as many levels, not 1"),
        ([COARSE, "corse"], "Unknown level of a style 'corse'"),
        ([COARSE, COARSE], "No style is given for the fine level"),
    ):
        with pytest.raises(OptionError, match=message):
            impasto.paint(files / "photo.png", [warm, warm], levels=levels, recipe=FAST)


CONTROLS = {
    "regions": ["cold.png", "--region", "sun=left.png@warm.png", "--feather", "0.02"],
    "kept": ["cold.png", "--region", "face=left.png"],
    "labels": ["warm.png", "--mask", "labels.png", "--style-mask", "s.png"],
    "levels": ["coarse=warm.png", "--style", "fine=cold.png"],
    "weighted levels": ["coarse=warm.png:0.7", "fine=cold.png:1", "fine=warm.png:0.2"],
    "luminance": ["cold.png", "--colour", "luminance", "--colour-space", "cielab"],
    "match": ["cold.png", "--colour", "match", "--colour-match", "histogram"],
    "strength and scale": ["cold.png", "--strength", "0.4", "--style-scale", "0.5"],
}


@pytest.mark.parametrize("case", CONTROLS)
def test_rerun_makes_the_same_picture(case, files, monkeypatch, capsys):
    monkeypatch.chdir(files)
    options = [
        "--encoder", "tiny.safetensors", "--precision", "float32", "--size", "96", "--scales", "1",
        "--steps", "4", "--style-layers", "relu1_1=1,relu2_1=1,relu3_1=1",
        "--content-layers", "relu3_1=1", "--quiet",
    ]  # fmt: skip
    assert run(["paint", "photo.png", "cold.png", "-o", "plain.png", *options]) == 0
    assert run(["paint", "photo.png", *CONTROLS[case], "-o", "a.png", *options]) == 0
    assert run(["rerun", "a.png", "-o", "b.png", "--quiet"]) == 0
    plain, one, again = (
        np.asarray(Image.open(files / name)) for name in ("plain.png", "a.png", "b.png")
    )
    assert (one == again).all()
    assert (one != plain).mean() > 0.1
    capsys.readouterr()
    assert run(["rerun", "a.png", "--show"]) == 0
    shown = capsys.readouterr().out
    for word in CONTROLS[case]:
        if word.endswith(".png"):
            assert json.dumps(word).strip('"') in shown
