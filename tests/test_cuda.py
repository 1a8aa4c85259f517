"""Every verb on a GPU of NVIDIA or AMD, where there is one: the pictures that the CPU makes."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
import torch

import impasto
from helpers.quick_paintings import COLD, FAST, SIZE, WARM, finish, left
from helpers.random_inputs import smooth_picture
from helpers.tiny_networks import any_style
from impasto import images
from impasto.cli.main import run
from impasto.images.picture import Picture
from impasto.jobs.checkpoints import load_checkpoint, save_checkpoint
from impasto.losses.statistics import STATISTICS
from impasto.objective.tiled import TiledObjective
from impasto.onepass import stylist as stylist_module
from impasto.onepass.stylist import Stylist
from impasto.onepass.tiling import Schedule
from impasto.optim.dct import dct_2d, inverse_dct_2d
from impasto.painting import cost_model
from impasto.painting.painter import Painter
from impasto.regions.regions import Region
from impasto.runtime.device_memory import free_bytes, memory_budget, peak_bytes
from impasto.runtime.devices import find_device
from impasto.runtime.precision import compute_dtype, fastest_layout

pytestmark = pytest.mark.skipif(not torch.cuda.is_available(), reason="there is no GPU here")

QUICK = FAST.replace(steps=3, final_steps=3, precision="float32")
WORDS = ["--size", "64", "--steps", "2", "--final-steps", "2", "--scales", "1"]
PRECISE = ["--precision", "float32"]


@pytest.fixture(autouse=True)
def exact(monkeypatch: pytest.MonkeyPatch) -> None:
    """All of float32, where a GPU would round what it multiplies to ten bits."""
    monkeypatch.setattr(torch.backends.cudnn, "allow_tf32", False)
    monkeypatch.setattr(torch.backends.cuda.matmul, "allow_tf32", False)


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("pictures")
    for seed, name in enumerate(("photo.png", "painting.png")):
        images.write(folder / name, smooth_picture(48, 64, seed=seed))
    return folder


def check_same(make, atol: float = 5e-3) -> None:
    painter, other = make("cuda"), make("cpu")
    assert painter.fingerprint() == other.fingerprint()
    torch.testing.assert_close(painter.image.cpu(), other.image, atol=1e-6, rtol=0)
    picture = finish(painter)
    assert picture.is_cuda
    torch.testing.assert_close(picture.cpu(), finish(other), atol=atol, rtol=0)


@pytest.mark.parametrize("statistic", STATISTICS)
def test_every_statistic(statistic, encoder, content):
    recipe = QUICK.replace(style_loss=statistic)
    atol = 0.1 if statistic in ("sliced", "gaussian-ot") else 5e-3
    check_same(lambda d: Painter(content, [COLD], recipe, encoder=encoder, device=d), atol)


@pytest.mark.parametrize("colour", ["style", "content", "luminance", "match"])
@pytest.mark.parametrize("optimizer", ["lbfgs", "adam"])
def test_colours_and_optimizers(optimizer, colour, encoder, content):
    recipe = QUICK.replace(colour=colour, optimizer=optimizer, init="noisy-content")
    check_same(lambda d: Painter(content, [COLD], recipe, encoder=encoder, device=d))


@pytest.mark.parametrize("is_tiled", [False, True])
def test_regions_whole_and_in_tiles(is_tiled, encoder, content, monkeypatch):
    face = torch.zeros(1, 1, *SIZE)
    face[..., 40:, 60:] = 1
    regions = [Region("sun", left(), WARM), Region("face", face, keep=True)]
    layers = dict.fromkeys(("relu1_1", "relu2_1", "relu3_1"), 1.0)
    recipe = QUICK.replace(style_layers=layers, content_layers={"relu3_1": 1.0}, scales=1)
    if is_tiled:
        monkeypatch.setattr(cost_model, "TILE_SIDES", (32,))

    def make(device: str) -> Painter:
        return Painter(content, [COLD], recipe, regions=regions, encoder=encoder, device=device)

    assert isinstance(make("cuda").objective(SIZE), TiledObjective) is is_tiled
    check_same(make)


@pytest.mark.parametrize(("first", "second"), [("cuda", "cpu"), ("cpu", "cuda")])
def test_a_checkpoint_resumes_on_the_other_device(first, second, encoder, content, tmp_path):
    painters = [Painter(content, [COLD], QUICK, encoder=encoder, device=d) for d in (first, second)]
    for count, _ in enumerate(painters[0], 1):
        if count == 5:
            break
    save_checkpoint(tmp_path / "checkpoint", painters[0], [])
    load_checkpoint(tmp_path / "checkpoint", painters[1])
    assert painters[1].position == painters[0].position
    assert finish(painters[1]).device.type == second


def test_out_of_memory_leads_to_smaller_tiles(encoder, content, monkeypatch):
    monkeypatch.setattr(cost_model, "TILE_SIDES", (4096, 48, 32))
    forward = type(encoder).forward

    def limited(self, image, layers):
        if image.requires_grad and image.shape[-1] > 80:
            torch.empty(2**50, dtype=torch.uint8, device="cuda")  # a petabyte
        return forward(self, image, layers)

    monkeypatch.setattr(type(encoder), "forward", limited)
    painter = Painter(content, [COLD], QUICK.replace(scales=1), encoder=encoder, device="cuda")
    notes = [step.note for step in painter if step.note]
    assert "continuing in tiles of" in notes[0]


@pytest.mark.parametrize("name", ["paint", "paint-noise", "johnson", "adain"])
@pytest.mark.parametrize("schedule", Schedule)
def test_one_pass_in_every_schedule(name, schedule, encoder, monkeypatch):
    monkeypatch.setattr(stylist_module, "choose_schedule", lambda *_: (schedule, 64))
    content, painted = smooth_picture(70, 100, seed=3), []
    masks = torch.stack([content[0, 0], 1 - content[0, 0]])[None]
    for device in ("cuda", "cpu"):
        stylist = Stylist(
            any_style(name, encoder), encoder=encoder, precision="float32", device=device
        )
        vectors = [stylist.read_style(smooth_picture(80, 64, seed=seed)) for seed in (1, 2)]
        style = stylist.spatial_style(vectors, content, strength=0.8, masks=masks)
        painted.append(stylist.paint(content, style))
    assert painted[0].is_cuda
    torch.testing.assert_close(painted[0].cpu(), painted[1], atol=2e-3, rtol=0)


@pytest.mark.parametrize(
    "command",
    [
        ["paint", "photo.png", "painting.png", *WORDS, *PRECISE],
        ["texture", "painting.png", "--size", "64x64", "--steps", "2", "--final-steps", "2",
         "--scales", "1", *PRECISE, "--tileable"],
        ["reconstruct", "photo.png", *WORDS, *PRECISE, "--layer", "relu2_1"],
        ["stylize", "photo.png", "--style", "painting.png", *PRECISE],
        ["stylize", "photo.png", "--style", "great-wave", "--strength", "0.7", *PRECISE],
        ["inspect", "photo.png", "--layer", "relu2_1"],
        ["inspect", "photo.png", "--layer", "relu2_1", "--against", "painting.png"],
        ["inspect", "photo.png", "--layer", "relu1_1", "--channel", "1", "--steps", "1"],
        ["compare", "photo.png", "painting.png", "--sweep", "style-weight=1,10", *WORDS, *PRECISE],
    ],
    ids=lambda words: " ".join(words[:4]),
)  # fmt: skip
def test_every_command_that_makes_a_picture(command, folder, tmp_path):
    pictures = []
    for device in ("cuda", "cpu"):
        output = tmp_path / f"{device}.png"
        words = [str(folder / word) if word.endswith(".png") else word for word in command]
        assert run([*words, "-o", str(output), "--device", device, "--quiet"]) == 0
        pictures.append(images.read(output).tensor)
    assert float((pictures[0] - pictures[1]).abs().mean()) < 0.01


def test_rerun_and_demo(folder, tmp_path):
    first = tmp_path / "first.png"
    words = ["paint", str(folder / "photo.png"), str(folder / "painting.png"), *WORDS]
    assert run([*words, "-o", str(first), "--device", "cuda", "--quiet"]) == 0
    assert "cuda" not in json.dumps(images.read_metadata(first))
    again = [
        "rerun",
        "--trust",
        str(first),
        "-o",
        str(tmp_path / "b.png"),
        "--device",
        "cuda",
        "--quiet",
    ]
    assert run(again) == 0
    assert run(["demo", "--size", "64", "-o", str(tmp_path / "demo"), "--device", "cuda"]) == 0


def test_features_and_evaluate(folder, tmp_path, capsys):
    images.write(tmp_path / "results" / "photo-painting.png", smooth_picture(48, 64, seed=5))
    sources = ["--content", str(folder / "photo.png"), "--style", str(folder / "painting.png")]
    rows, features = [], []
    for device in ("cuda", "cpu"):
        words = [str(tmp_path / "results"), *sources, "--json", "--device", device]
        assert run(["evaluate", *words]) == 0
        (row,) = json.loads(capsys.readouterr().out)["pictures"]
        rows.append({name: value for name, value in row.items() if isinstance(value, float)})
        paths = [str(folder / "photo.png"), str(folder / "painting.png")]
        assert run(["features", *paths, "--size", "64", "--json", "--device", device]) == 0
        features.append([layer["gram"] for layer in json.loads(capsys.readouterr().out)])
    assert rows[0] == pytest.approx(rows[1], rel=1e-2, abs=1e-5)
    assert features[0] == pytest.approx(features[1], rel=1e-2)


def test_the_python_interface_prefers_the_gpu(folder):
    assert find_device().type == "cuda"
    photo, painting = str(folder / "photo.png"), str(folder / "painting.png")
    before = torch.cuda.memory_stats()["allocation.all.allocated"]
    result = impasto.paint(photo, painting, size=64, steps=1, final_steps=1, scales=1)
    assert torch.cuda.memory_stats()["allocation.all.allocated"] > before
    assert result.tensor.device.type == "cpu"
    assert impasto.stylize(photo, painting).tensor.device.type == "cpu"


def test_memory_and_measurements():
    device = find_device("cuda")
    assert 0 < memory_budget(device) < free_bytes(device)
    held = torch.zeros(2**28, dtype=torch.uint8, device=device)
    assert peak_bytes(device) >= held.nbytes
    assert compute_dtype("auto", device) in (torch.float32, torch.bfloat16)
    assert fastest_layout(device, torch.float32) in (torch.contiguous_format, torch.channels_last)


def test_the_cosine_transform():
    x = torch.rand(1, 3, 37, 54, dtype=torch.float64)
    torch.testing.assert_close(dct_2d(x.cuda()).cpu(), dct_2d(x))
    torch.testing.assert_close(inverse_dct_2d(dct_2d(x.cuda())).cpu(), x)


def test_pictures_may_be_on_the_gpu_already(encoder, content):
    painter = Painter(content.to(torch.device("cuda")), [COLD], QUICK, encoder=encoder)
    assert painter.device.type == "cuda"
    assert finish(painter).is_cuda
    assert images.to_pil(painter.picture).size == (96, 64)
    assert isinstance(painter.content, Picture)
