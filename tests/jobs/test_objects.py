"""Pictures, encoders and statistics of a program, given to the public functions."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image
from torch import Tensor

import impasto
from helpers.quick_paintings import SMALL
from helpers.sentences import check_told
from impasto import images
from impasto.cli.main import run as run_command
from impasto.encoders.vgg import Encoder
from impasto.errors import ImageError, ImpastoError, OptionError
from impasto.images.picture import Picture
from impasto.jobs.request_json import from_metadata

QUICK = SMALL.replace(scales=1, steps=2, precision="float32")


@pytest.fixture
def photo(content: Picture) -> np.ndarray:
    return images.as_uint8(content.tensor)[0].permute(1, 2, 0).numpy()


@pytest.fixture
def painting(style: Picture) -> np.ndarray:
    return images.as_uint8(style.tensor)[0].permute(1, 2, 0).numpy()


def recorded(result: impasto.Result) -> dict:
    """The request in a picture's metadata."""
    return json.loads(result.metadata()["request"])


# --- pictures -------------------------------------------------------------------------------------


def test_pictures_of_every_kind_paint_the_same(photo, painting, encoder, tmp_path):
    recipe = QUICK.replace(encoder=encoder, size=80)
    expected = impasto.paint(Image.fromarray(photo), Image.fromarray(painting), recipe=recipe)
    path = images.write(tmp_path / "photo.png", photo)
    kinds = (
        path,
        photo,
        photo / 255,
        torch.from_numpy(photo).permute(2, 0, 1),
        (torch.from_numpy(photo).permute(2, 0, 1)[None] / 255).requires_grad_(),
        impasto.read_image(photo),
    )
    for given in kinds:
        found = impasto.paint(given, [painting], recipe=recipe)
        torch.testing.assert_close(found.tensor, expected.tensor, atol=1e-4, rtol=0)
        assert found.tensor.shape == (1, 3, 53, 80)
    assert recorded(found)["content"] == "(a picture in memory)"
    assert "array" not in repr(found.request)


def test_a_result_is_painted_again_and_styles_are_mixed_by_a_dict(photo, encoder, tmp_path):
    first, second = (images.write(tmp_path / f"{n}.png", photo[:, ::n]) for n in (1, -1))
    recipe = QUICK.replace(encoder=encoder)
    once = impasto.paint(photo, {first: 0.7, str(second): 0.3}, recipe=recipe)
    assert [(s.source, s.weight) for s in once.request.styles] == [
        (str(first), 0.7), (str(second), 0.3),
    ]  # fmt: skip
    levels = [impasto.StyleInput(str(first), level=level) for level in ("coarse", "fine")]
    twice = impasto.paint(once, levels, recipe=recipe)
    assert twice.request.styles == tuple(levels)
    assert not torch.equal(once.tensor, twice.tensor)


def test_masks_in_memory(photo, painting, encoder, tmp_path):
    recipe, mask = QUICK.replace(encoder=encoder), np.zeros(photo.shape[:2], bool)
    mask[:, :48] = True
    images.write(tmp_path / "left.png", mask)
    images.write(tmp_path / "own.png", painting)
    spec = impasto.RegionSpec("left", mask, style=painting)
    found = impasto.paint(photo, photo, recipe=recipe, regions=[spec])
    text = f"left={tmp_path / 'left.png'}@{tmp_path / 'own.png'}"
    expected = impasto.paint(photo, photo, recipe=recipe, regions=[text])
    assert torch.equal(found.tensor, expected.tensor)
    described = recorded(found)["regions"][0]
    assert described["content_mask"] == described["style"] == "(a picture in memory)"
    kept = impasto.paint(
        photo, photo, recipe=recipe, regions=[impasto.RegionSpec("left", mask, keep=True)]
    )
    original = images.read(photo).tensor
    assert torch.equal(kept.tensor[..., :48], original[..., :48])
    labels = np.zeros_like(photo)
    labels[:, :48] = (255, 0, 0)
    impasto.paint(photo, photo, recipe=recipe, mask=labels, style_mask=labels)
    empty = impasto.RegionSpec("left", mask & False)
    with pytest.raises(ImpastoError, match=r"The mask \(a picture in memory\) is black everywhere"):
        impasto.paint(photo, photo, recipe=recipe, regions=[empty])


def test_one_pass_takes_the_same(photo, painting):
    expected = impasto.stylize(Image.fromarray(photo), Image.fromarray(painting)).tensor
    assert torch.equal(impasto.stylize(photo, painting).tensor, expected)
    assert torch.equal(impasto.Stylizer(painting).paint(photo), expected)
    mask = np.ones(photo.shape[:2])
    mask[:, 48:] = 0
    regions = [impasto.RegionSpec("left", mask, style=photo)]
    assert impasto.stylize(photo, painting, regions=regions).tensor.shape == expected.shape


def test_textures_and_reconstructions_take_the_same(painting, encoder):
    recipe = QUICK.replace(encoder=encoder, size=64)
    for given in (painting, Image.fromarray(painting)):
        assert impasto.texture(given, 64, recipe=recipe).tensor.shape == (1, 3, 64, 64)
        made = impasto.reconstruct(given, "relu2_1", recipe=recipe)
        assert max(made.tensor.shape) == 64


WRONG = {
    "a batch": (torch.zeros(2, 3, 64, 64), "tensor of the content", "tensor[0]"),
    "several contents": (["a.jpg", "b.jpg"], "One picture is made at a time", "each of them"),
    "an address": ("https://example.com/a.jpg", "an address of the web", "download"),
    "levels": (np.full((64, 64, 3), 255.0), "array of the content", "divide it by 255"),
}


@pytest.mark.parametrize("what", WRONG)
def test_what_is_no_picture_is_refused_with_what_to_do(what, painting):
    given, got, remedy = WRONG[what]
    with pytest.raises(ImpastoError) as caught:
        impasto.paint(given, painting, recipe=QUICK)
    assert got in str(caught.value)
    assert remedy in str(caught.value)


def test_a_bad_style_and_a_bad_mask_are_named(photo):
    with pytest.raises(ImageError, match="array of the style"):
        impasto.paint(photo, photo[..., :2])
    with pytest.raises(ImageError, match="array of the mask of sky"):
        impasto.paint(photo, photo, regions=[impasto.RegionSpec("sky", photo[..., :2])])
    with pytest.raises(OptionError, match=r"A region is a text such as .*RegionSpec, not dict"):
        impasto.paint(photo, photo, regions={"sky": photo})


# --- encoders -------------------------------------------------------------------------------------


def edges(image: Tensor, layers: list[str]) -> dict[str, Tensor]:
    """A function as encoder: differences of neighbours."""
    return {name: image - image.roll(int(name[-1]), -1) for name in layers}


EDGES = QUICK.replace(style_layers={"by1": 1.0}, content_layers={"by2": 1.0})


@pytest.mark.parametrize("where", ["paint", "recipe", "painter"])
def test_a_function_is_an_encoder_wherever_one_is_named(where, photo, painting):
    if where == "painter":
        painter = impasto.Painter(photo, painting, EDGES.replace(encoder=edges))
        losses = [step.losses for step in painter]
    else:
        given = (
            (EDGES.replace(encoder=edges), {}) if where == "recipe" else (EDGES, {"encoder": edges})
        )
        result = impasto.paint(photo, painting, recipe=given[0], **given[1])
        losses = result.losses
        assert recorded(result)["recipe"]["encoder"] == "(an encoder in memory: edges)"
        assert "(an encoder in memory: edges)" in result.recipe.to_toml()
    assert {"style.by1", "content.by2"} <= losses[0].keys()


def test_an_encoder_is_used_as_the_one_of_that_name(photo, painting):
    given = impasto.open_encoder("compact2")
    weights = {name: value.clone() for name, value in given.state_dict().items()}
    for changes in ({}, {"pooling": "average"}):
        named = impasto.paint(photo, painting, size=64, scales=1, steps=2, **changes)
        found = impasto.paint(photo, painting, size=64, scales=1, steps=2, encoder=given, **changes)
        assert torch.equal(named.tensor, found.tensor)
    assert recorded(found)["recipe"]["encoder"] == "(an encoder in memory: Encoder)"
    assert all(torch.equal(value, weights[n]) for n, value in given.state_dict().items())


BAD_ENCODERS = {
    "a module of one argument": (torch.nn.Conv2d(3, 4, 3), "cannot be called with an image"),
    "no dict": (lambda image, layers: image, "returns Tensor"),
    "flat features": (
        lambda image, layers: dict.fromkeys(layers, image[0]),
        "returns (3, 64, 96) for layer",
    ),
    "another layer": (lambda image, layers: {"a": image}, "no features of layer"),
    "a number": (5, "a name or a function of (image, layer names), not 5"),
}


@pytest.mark.parametrize("what", BAD_ENCODERS)
def test_what_is_no_encoder_is_refused(what, photo, painting):
    given, told = BAD_ENCODERS[what]
    with pytest.raises(OptionError) as caught:
        impasto.paint(photo, painting, recipe=EDGES, encoder=given)
    assert told in str(caught.value)


def test_rerun_says_that_an_encoder_in_memory_is_gone(tmp_path, photo, painting, capsys):
    content = images.write(tmp_path / "content.png", photo)
    style = images.write(tmp_path / "style.png", painting)
    made = impasto.paint(content, style, recipe=EDGES, encoder=edges).save(tmp_path / "made.png")
    assert run_command(["rerun", str(made), "--show"]) == 0
    assert "(an encoder in memory: edges)" in capsys.readouterr().out
    assert run_command(["rerun", "--trust", str(made), "-o", str(tmp_path / "again.png")]) == 2
    check_told(capsys, "an encoder in memory: edges. No file holds it")
    assert not (tmp_path / "again.png").exists()


def test_rerun_says_that_a_picture_in_memory_is_gone(tmp_path, photo, painting, encoder, capsys):
    style = images.write(tmp_path / "style.png", painting)
    made = impasto.paint(photo, style, size=64, scales=1, steps=1).save(tmp_path / "made.png")
    assert run_command(["rerun", "--trust", str(made), "-o", str(tmp_path / "again.png")]) == 2
    check_told(capsys, "a picture in memory. No file holds it")


# --- statistics -----------------------------------------------------------------------------------

MEANS = impasto.Statistic(
    lambda features, weights: {"mean": features.mean((2, 3))},
    lambda summary, target: (summary["mean"] - target["mean"]).square().sum(1),
    about="means",
    source="this test",
)


def test_a_statistic_is_given_as_an_object(photo, painting, encoder, tmp_path):
    gram = impasto.STATISTICS["gram"]
    recipe = QUICK.replace(encoder=encoder, style_loss="gram")
    named = impasto.paint(photo, painting, recipe=recipe)
    found = impasto.paint(photo, painting, recipe=recipe, style_loss=gram)
    assert torch.equal(named.tensor, found.tensor)
    own = impasto.paint(photo, painting, recipe=recipe, style_loss=MEANS)
    assert recorded(own)["recipe"]["style_loss"] == "(a statistic in memory: means)"
    request = from_metadata(images.read_metadata(own.save(tmp_path / "own.png")))
    with pytest.raises(ImpastoError, match="No file holds it"):
        impasto.run(request).finish()


def test_style_terms_take_a_statistic_as_an_object(encoder: Encoder, content, style):
    features = encoder(style.tensor, ["relu1_1"])
    losses = []
    for statistic in ("moments", impasto.STATISTICS["moments"]):
        term = impasto.StyleTerm(features, statistic=statistic)
        losses.append(term(encoder(content.tensor, term.layers))["style.relu1_1"])
    assert losses[0] == losses[1] > 0
    term = impasto.StyleTerm(features, statistic=MEANS)
    assert term(features)["style.relu1_1"] == 0


BROKEN = impasto.Statistic(lambda f, w: f.mean((2, 3)), MEANS.distance, about="a", source="b")


def test_what_is_no_statistic_is_refused(photo, painting, encoder, style):
    recipe = QUICK.replace(encoder=encoder)
    with pytest.raises(OptionError, match=r"a name or an impasto\.Statistic, not 3"):
        recipe.replace(style_loss=3)
    with pytest.raises(OptionError, match=r"dict of tensors .*, not Tensor"):
        impasto.paint(photo, painting, recipe=recipe, style_loss=BROKEN)
    features = encoder(style.tensor, ["relu1_1"])
    with pytest.raises(OptionError, match="dict of tensors"):
        impasto.StyleTerm(features, statistic=BROKEN)
    with pytest.raises(OptionError, match="the name of one, not int"):
        impasto.StyleTerm(features, statistic=5)


def test_no_object_is_written_where_a_name_belongs(tmp_path: Path):
    text = QUICK.replace(encoder=edges, style_loss=MEANS).to_toml()
    (tmp_path / "mine.toml").write_text(text, encoding="utf-8")
    recipe = impasto.get_recipe(tmp_path / "mine.toml")
    assert recipe.encoder == "(an encoder in memory: edges)"
    with pytest.raises(OptionError, match="an encoder in memory: edges"):
        impasto.Painter(np.zeros((64, 64, 3)), np.zeros((64, 64, 3)), recipe)
