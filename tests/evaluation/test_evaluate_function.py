"""``impasto.evaluate``: the figures of the command, for one picture of any kind."""

from __future__ import annotations

import json

import pytest
import torch
from PIL import Image

import impasto
from helpers.quick_paintings import SMALL
from impasto import images
from impasto.cli.main import run
from impasto.encoders.files import save_encoder
from impasto.errors import ImpastoError


@pytest.fixture
def files(tmp_path, content, style, other_style):
    named = {"content": content, "style": style}
    paths = {name: images.write(tmp_path / f"{name}.png", p.tensor) for name, p in named.items()}
    made = images.resize(other_style.tensor, content.size)
    return {**paths, "result": images.write(tmp_path / "content-style.png", made)}


def test_it_measures_what_the_command_measures(files, encoder, tmp_path, capsys):
    save_encoder(tmp_path / "tiny.safetensors", encoder, dtype=torch.float32)
    network = tmp_path / "tiny.safetensors"
    names = ["content", "gram", "edge-ssim", "colours"]
    words = ["--content", str(files["content"]), "--style", str(files["style"])]
    options = ["--encoder", str(network), "--metrics", ",".join(names), "--json", "--quiet"]
    assert run(["evaluate", str(files["result"]), *words, *options]) == 0
    (row,) = json.loads(capsys.readouterr().out)["pictures"]
    found = impasto.evaluate(
        files["result"], files["content"], files["style"], metrics=names, encoder=encoder
    )
    for name, value in found.items():
        assert row[name] == pytest.approx(value, rel=1e-4), name
    assert {"content", "gram", "gram.relu1_1", "edge-ssim", "colours"} <= found.keys()


def test_pictures_of_every_kind(files, encoder):
    paths = [files[name] for name in ("result", "content", "style")]
    options = {"metrics": "ssim", "encoder": encoder}
    expected = impasto.evaluate(*paths, **options)
    opened = [Image.open(path) for path in paths]
    arrays = [images.as_uint8(images.read(p).tensor)[0].permute(1, 2, 0).numpy() for p in paths]
    for pictures in (opened, arrays, [images.read(path) for path in paths]):
        assert impasto.evaluate(*pictures, **options) == expected


def test_a_result_and_itself(content, style, encoder):
    recipe = SMALL.replace(encoder=encoder, scales=1, steps=1)
    result = impasto.paint(content, style, recipe=recipe)
    measured = impasto.evaluate(result, content, style, metrics=["ssim"], encoder=encoder)
    assert 0.2 < measured["ssim"] < 1
    same = impasto.evaluate(content, content, style, metrics=["ssim"], encoder=encoder)
    assert same["ssim"] == pytest.approx(1)


@pytest.mark.parametrize(
    ("changes", "told"),
    [
        ({"metrics": ["sim"]}, "Unknown metric 'sim'"),
        ({"encoder": lambda image, layers: {}}, "Metrics need an impasto.Encoder"),
        ({"encoder": "vgg91"}, "Unknown encoder 'vgg91'"),
        ({"size": 0}, "choose 1 or more"),
        ({"size": 8}, "a picture in memory"),
    ],
)
def test_mistakes(changes, told, content, style, encoder):
    options = {"encoder": encoder, **changes}
    with pytest.raises(ImpastoError) as caught:
        impasto.evaluate(content, content, style, **options)
    assert told in str(caught.value)


def test_another_shape_is_refused(content, style, encoder):
    with pytest.raises(ImpastoError, match=r"a picture in memory.* was not painted from the other"):
        impasto.evaluate(style, content, style, metrics=["ssim"], encoder=encoder)
