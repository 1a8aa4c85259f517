"""Paintings on a device that is not the CPU: every tensor is there, and the picture is the same."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import pytest
import torch
from torch import Tensor

from helpers.emulated_device import NAME, AwayTensor, away_only, emulated
from helpers.quick_paintings import COLD, FAST, SIZE, WARM, finish, left
from helpers.random_inputs import random_encoder, smooth_picture
from helpers.strict_steps import forbid_the_cpu
from impasto.colour.matching import METHODS
from impasto.encoders.caching import CachingEncoder
from impasto.encoders.vgg import Architecture, Encoder
from impasto.images.picture import Picture
from impasto.jobs.checkpoints import load_checkpoint, save_checkpoint
from impasto.losses.statistics import STATISTICS
from impasto.nn.padding import pad
from impasto.objective.tiled import TiledObjective
from impasto.painting import cost_model
from impasto.painting.objective_builder import COARSE, FINE, Style
from impasto.painting.painter import Painter
from impasto.painting.reconstruction import reconstruction
from impasto.painting.texture import TexturePainter
from impasto.regions.regions import Region
from impasto.runtime import memory
from impasto.runtime.device_memory import memory_budget
from impasto.runtime.devices import device_module
from impasto.weights.open import on_device

QUICK = FAST.replace(steps=3, final_steps=3, precision="float32")

Factory = Callable[[str], Painter]
"""Name of a device → fresh painter."""


@pytest.fixture
def strict(monkeypatch: pytest.MonkeyPatch) -> Iterator[list[int]]:
    """The device, with steps that may not touch the CPU; grows with each of them."""
    with emulated():
        yield forbid_the_cpu(monkeypatch)


@pytest.fixture
def like_apple(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """The device without float64 and some operations."""
    with emulated(lacks_float64=True):
        yield


def check_same(make: Factory, atol: float = 0.02) -> Tensor:
    """Paint on the device and on the CPU; the picture, and all that it was made of, compared.

    The gradients are equal but for rounding. So are the pictures, but a line search multiplies it.
    """
    painter, other = make(NAME), make("cpu")
    assert painter.fingerprint() == other.fingerprint()
    torch.testing.assert_close(painter.image.cpu(), other.image, atol=1e-6, rtol=0)
    size = painter.stages[-1].size
    image = smooth_picture(*size, seed=9)
    losses, gradient = painter.objective(size).gradient(image.to(NAME))
    expected_losses, expected = other.objective(size).gradient(image)
    assert losses == pytest.approx(expected_losses, rel=1e-3)
    assert float((gradient.cpu() - expected).norm() / expected.norm()) < 2e-3
    away, here = finish(painter), finish(other)
    assert isinstance(away, AwayTensor)
    torch.testing.assert_close(away.cpu(), here, atol=atol, rtol=0)
    assert float((here - make("cpu").content.tensor).abs().max()) > 0.01
    return here


def painting(encoder: Encoder, content: Picture, **changes: Any) -> Factory:
    recipe = QUICK.replace(**changes)
    return lambda device: Painter(content, [COLD], recipe, encoder=encoder, device=device)


@pytest.mark.parametrize("statistic", STATISTICS)
def test_every_statistic(statistic, encoder, content, strict):
    check_same(painting(encoder, content, style_loss=statistic), atol=0.05)
    assert len(strict) == 4  # two sizes of three steps, the first of each moves tables


@pytest.mark.parametrize(
    "changes",
    [
        {"optimizer": "adam", "average": 0.9},
        {"preconditioning": 0.0},
        {"init": "noise"},
        {"init": "noisy-content", "seed": 3},
        {"laplacian_weight": 1.0, "tv_weight": 0.1, "tv": "isotropic"},
        {"strength": 0.5},
        {"pooling": "own", "content_normalization": "gatys", "normalization": "gatys"},
    ],
    ids=str,
)
def test_every_part_of_a_recipe(changes, encoder, content, strict):
    check_same(painting(encoder, content, **changes))
    assert strict


@pytest.mark.parametrize(
    "changes",
    [
        *({"colour": "match", "colour_match": method} for method in METHODS),
        {"colour": "content", "colour_space": "cielab"},
        {"colour": "luminance", "colour_space": "oklab"},
        {"colour": "luminance", "colour_space": "yiq"},
    ],
    ids=str,
)
def test_every_colour_mode(changes, encoder, content, strict):
    check_same(painting(encoder, content, scales=1, **changes))


def combined(encoder: Encoder, content: Picture, **changes: Any) -> Factory:
    """Regions, one of them kept and one with a part of a style picture of its own."""
    face = torch.zeros(1, 1, *SIZE)
    face[..., 40:, 60:] = 1
    part = torch.zeros(1, 1, *WARM.size)
    part[..., 20:] = 1
    regions = [Region("sun", left(), WARM, part), Region("face", face, keep=True)]
    layers = dict.fromkeys(("relu1_1", "relu2_1", "relu3_1"), 1.0)
    recipe = QUICK.replace(
        style_layers=layers,
        content_layers={"relu3_1": 1.0},
        colour="luminance",
        scales=1,
        **changes,
    )
    return lambda device: Painter(
        content, [COLD], recipe, regions=regions, encoder=encoder, device=device
    )


@pytest.mark.parametrize("optimizer", ["lbfgs", "adam"])
@pytest.mark.parametrize("mask_mode", ["simple", "inside", "propagated"])
def test_regions(mask_mode, optimizer, encoder, content, strict):
    check_same(combined(encoder, content, mask_mode=mask_mode, optimizer=optimizer))
    assert len(strict) == 2


def test_regions_in_tiles(encoder, content, strict, monkeypatch):
    monkeypatch.setattr(cost_model, "tile_side", lambda *args, **options: 32)
    make = combined(encoder, content)
    assert isinstance(make(NAME).objective(SIZE), TiledObjective)
    check_same(make)


def test_several_styles_at_levels(encoder, content, strict):
    cold, warm = Style(COLD, level=COARSE), Style(WARM, level=FINE)
    alpha = torch.linspace(0, 1, COLD.size[1]).expand(1, 1, *COLD.size)
    clear = Style(Picture(COLD.tensor, alpha), 0.5)
    check_same(
        lambda device: Painter(content, [cold, warm, clear], QUICK, encoder=encoder, device=device)
    )


def test_the_readouts_of_a_distilled_encoder(content, strict):
    readouts = {"relu1_1": 12, "relu2_1": 10, "relu3_1": 12, "relu4_1": 9}
    made = Architecture((4, 6, 8, 8), (1, 1, 1, 1), padding="replicate", readouts=readouts)
    check_same(painting(random_encoder(made), content))


@pytest.mark.parametrize("tileable", [False, True])
def test_textures(tileable, encoder, strict):
    def make(device: str) -> Painter:
        recipe = QUICK.replace(init="noise")
        return TexturePainter(
            [COLD, WARM], (64, 96), recipe, tileable=tileable, encoder=encoder, device=device
        )

    check_same(make)
    assert strict


@pytest.mark.parametrize(
    ("content_layers", "style_layers"), [({"relu3_1": 1.0}, None), (None, {"relu2_1": 1.0})]
)
def test_reconstructions(content_layers, style_layers, encoder, content, strict):
    def make(device: str) -> Painter:
        return reconstruction(
            content, QUICK, content_layers, style_layers, encoder=encoder, device=device
        )

    check_same(make)


def test_a_start_that_was_given(encoder, content, strict):
    recipe = QUICK.replace(init="start.png", colour="luminance")
    start = smooth_picture(64, 96, seed=7)
    check_same(
        lambda device: Painter(
            content, [COLD], recipe, encoder=encoder, initial_image=start, device=device
        )
    )


@pytest.mark.parametrize(
    "changes",
    [
        {"style_loss": "gaussian-ot"},
        {"style_loss": "mmd-rbf", "colour": "luminance"},
        {"style_loss": "moments", "colour": "match", "colour_match": "histogram"},
        {"colour": "match", "colour_match": "monge-kantorovich"},
        {"colour": "content", "optimizer": "adam"},
    ],
    ids=str,
)
def test_without_float64_eigenvalues_and_antialiasing(changes, encoder, content, like_apple):
    check_same(painting(encoder, content, **changes))


@pytest.mark.parametrize("padding", ["reflect", "zeros", "replicate"])
def test_where_channels_last_are_slower(padding, content):
    made = Architecture((4, 6, 8, 8), (1, 1, 1, 1), padding=padding)
    with emulated(contiguous=True):
        encoder = random_encoder(made)
        painter = painting(encoder, content)(NAME)
        assert painter.encoder.convolutions["conv2_1"].weight.is_contiguous()
        normalized = painter.encoder.normalize(content.tensor.to(NAME))
        assert normalized.is_contiguous()
        assert pad(normalized, "reflect").is_contiguous()
        check_same(painting(encoder, content))


def test_regions_in_tiles_without_float64(encoder, content, like_apple, monkeypatch):
    monkeypatch.setattr(cost_model, "tile_side", lambda *args, **options: 32)
    check_same(combined(encoder, content))


@pytest.mark.parametrize("optimizer", ["lbfgs", "adam"])
@pytest.mark.parametrize(("first", "second"), [(NAME, "cpu"), ("cpu", NAME)])
def test_a_checkpoint_of_one_device_resumes_on_another(
    first, second, optimizer, encoder, content, tmp_path, strict
):
    make = painting(encoder, content, optimizer=optimizer, colour="match")
    painter = make(first)
    for count, _ in enumerate(painter, 1):
        if count == 5:  # in the middle of the second size
            break
    save_checkpoint(tmp_path / "checkpoint", painter, [])
    resumed = make(second)
    load_checkpoint(tmp_path / "checkpoint", resumed)
    assert resumed.position == painter.position
    torch.testing.assert_close(resumed.image.cpu(), painter.image.cpu(), atol=1e-6, rtol=0)
    picture = finish(resumed)
    assert picture.device.type == torch.device(second).type
    torch.testing.assert_close(picture.cpu(), finish(make("cpu")), atol=2e-3, rtol=0)


def test_an_encoder_of_another_type_has_the_same_fingerprint(encoder, content):
    rounded = random_encoder(encoder.architecture)
    rounded.load_state_dict(encoder.state_dict())
    rounded.to(torch.bfloat16)
    one, other = (painting(e, content)("cpu").fingerprint() for e in (encoder, rounded))
    assert one == other
    changed = random_encoder(encoder.architecture)
    next(changed.parameters()).data.mul_(1.1)
    assert painting(changed, content)("cpu").fingerprint() != one


def test_tiles_are_planned_from_the_memory_of_the_device(encoder, content, strict, monkeypatch):
    module = device_module(torch.device(NAME))
    assert memory_budget(torch.device(NAME, 0)) == module.free * 2 / 3
    assert painting(encoder, content)(NAME).objective_builder.side(SIZE) is None
    monkeypatch.setattr(module, "free", 1e6)
    monkeypatch.setattr(cost_model, "TILE_SIDES", (4096, 48, 32))
    assert painting(encoder, content)(NAME).objective_builder.side(SIZE) == 32
    assert painting(encoder, content)("cpu").objective_builder.side(SIZE) is None


def test_out_of_memory_leads_to_smaller_tiles(encoder, content, strict, monkeypatch):
    monkeypatch.setattr(cost_model, "TILE_SIDES", (4096, 48, 32))
    released: list[int] = []
    module = device_module(torch.device(NAME))
    monkeypatch.setattr(module, "empty_cache", lambda: released.append(1))
    painter = painting(encoder, content, scales=1)(NAME)
    forward = Encoder.forward

    def limited(self: Encoder, image: Tensor, layers: Any) -> Any:
        if image.requires_grad and image.shape[-1] > 80:
            raise torch.OutOfMemoryError("AWAY out of memory. Tried to allocate 20.00 MiB.")
        return forward(self, image, layers)

    monkeypatch.setattr(Encoder, "forward", limited)
    notes = [step.note for step in painter if step.note]
    assert notes
    assert "continuing in tiles of" in notes[0]
    assert released
    assert painter.done


@pytest.mark.parametrize(
    "text",
    [
        "CUDA out of memory. Tried to allocate 2.00 GiB",
        "MPS backend out of memory (MPS allocated: 9.05 GB)",
        "XPU out of memory. Tried to allocate 512.00 MiB",
        "CUDA error: CUBLAS_STATUS_ALLOC_FAILED when calling `cublasCreate(handle)`",
        "cuDNN error: CUDNN_STATUS_ALLOC_FAILED",
    ],
)
def test_errors_of_every_device_that_mean_too_little_memory(text):
    assert memory.is_out_of_memory(RuntimeError(text))
    assert memory.is_out_of_memory(torch.OutOfMemoryError(text))


def test_a_cache_of_features_compares_on_the_device(encoder, content, strict):
    pictures = [content.tensor.to(NAME), content.tensor.to(NAME), COLD.tensor.to(NAME)]
    caching = CachingEncoder(on_device(encoder, pictures[0].device))
    with away_only():
        first, again, other = (caching(p, ["relu2_1"])["relu2_1"] for p in pictures)
    assert first is again
    assert first is not other
    torch.testing.assert_close(first.cpu(), encoder(content.tensor, ["relu2_1"])["relu2_1"])


# --- what these tests would notice ----------------------------------------------------------------


@pytest.mark.parametrize("forgetful", [
    lambda x: x + torch.zeros(x.shape),
    lambda x: x * torch.ones(x.shape[-1]),
    lambda x: x.cpu().clone().to(x.device),
    lambda x: (x + torch.from_numpy(x.detach().cpu().numpy()).to(x.device)),
    lambda x: x + float(torch.zeros(x.shape).sum()),
])  # fmt: skip
def test_a_tensor_left_on_the_cpu_is_noticed(forgetful):
    with emulated():
        x = torch.ones(1, 3, 16, 16, device=NAME)
        with pytest.raises((AssertionError, RuntimeError)), away_only():
            forgetful(x)
        with away_only():
            assert float((x + torch.zeros_like(x)).sum()) == x.numel()
