"""``impasto.paint``: files and pictures in memory, metadata, transparency."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
import torch
from PIL import Image

import impasto
from helpers.quick_paintings import SMALL, finish
from impasto import images
from impasto.encoders.files import save_encoder
from impasto.encoders.vgg import Encoder
from impasto.images.picture import Picture
from impasto.jobs.request_json import from_metadata
from impasto.jobs.requests import StyleInput
from impasto.jobs.sources import read_styles
from impasto.painting.painter import Painter


@pytest.fixture
def files(tmp_path: Path, encoder: Encoder, content: Picture, style: Picture) -> dict[str, Path]:
    """Two pictures and an encoder, as files."""
    save_encoder(tmp_path / "tiny.safetensors", encoder, dtype=torch.float32)
    return {
        "content": images.write(tmp_path / "content.png", content.tensor),
        "style": images.write(tmp_path / "style:art.png", style.tensor),
        "encoder": tmp_path / "tiny.safetensors",
    }


def test_paint_files_and_images_alike(files):
    options = {"recipe": SMALL, "encoder": files["encoder"], "precision": "float32"}
    from_files = impasto.paint(files["content"], str(files["style"]), **options)
    with Image.open(files["content"]) as content, Image.open(files["style"]) as style:
        from_images = impasto.paint(content, [style], **options)
    assert torch.equal(from_files.tensor, from_images.tensor)
    assert (from_files.image.mode, from_files.image.size) == ("RGB", (96, 64))
    assert len(from_files.losses) == 15
    assert from_files.seconds > 0
    assert from_files.request.content == str(files["content"])
    assert from_files.request.styles == (StyleInput(str(files["style"])),)
    described = json.loads(from_images.metadata()["request"])
    assert described["content"] == "(a picture in memory)"
    assert described["styles"] == [{"source": "(a picture in memory)", "weight": None, "level": ""}]


def test_paint_is_a_painter_of_what_the_recipe_says(files, tmp_path):
    recipe = SMALL.replace(size=80, encoder=str(files["encoder"]), precision="float32")
    painting = impasto.paint(files["content"], files["style"], recipe=recipe)
    content = images.read(files["content"], long_side=80)
    styles = read_styles([files["style"]], recipe, 80)
    assert (content.size, styles[0].size) == ((53, 80), (80, 72))
    assert torch.equal(painting.tensor, finish(Painter(content, styles, recipe)))
    (tmp_path / "mine.toml").write_text(recipe.to_toml())
    again = impasto.paint(files["content"], files["style"], recipe=tmp_path / "mine.toml")
    assert torch.equal(painting.tensor, again.tensor)


@pytest.mark.parametrize("name", ["out.png", "out.jpg", "out.webp", "out.tif"])
def test_a_saved_picture_knows_how_it_was_made(files, tmp_path, name):
    shares = [1 / 3, 2 / 3]
    painting = impasto.paint(
        files["content"], [files["style"]] * 2, recipe=SMALL, shares=shares,
        encoder=files["encoder"], steps=1, scales=1,
    )  # fmt: skip
    path = painting.save(tmp_path / "new" / name)
    found = images.read_metadata(path)
    assert found == painting.metadata()
    assert found["impasto"] == impasto.__version__
    request = from_metadata(found)
    assert request == painting.request
    assert request.recipe == painting.recipe
    style = str(files["style"])
    assert request.styles == tuple(StyleInput(style, share) for share in shares)
    assert images.read(path).size == (64, 96)


@pytest.mark.parametrize("final_steps", [0, 2])
def test_transparency_is_kept(files, final_steps):
    with Image.open(files["content"]) as opened:
        content = opened.convert("RGBA")
    content.putalpha(Image.linear_gradient("L").resize(content.size))
    painting = impasto.paint(
        content, files["style"], recipe=SMALL, encoder=files["encoder"],
        steps=2, scales=2, final_steps=final_steps,
    )  # fmt: skip
    assert painting.image.mode == "RGBA"
    assert painting.image.getchannel("A").tobytes() == content.getchannel("A").tobytes()
