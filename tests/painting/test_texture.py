"""Textures: pictures from noise with the style term alone."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import pytest
import torch
from torch import Tensor

from helpers.quick_paintings import finish
from impasto.errors import OptionError
from impasto.optim.optimizers import OPTIMIZERS
from impasto.painting.texture import TexturePainter, parse_size
from impasto.recipes.presets import get_recipe
from impasto.recipes.recipe import Recipe

LAYERS = {f"relu{block}_1": 0.25 for block in range(1, 5)}
SMALL = Recipe(
    style_loss="gaussian-ot",
    style_layers=LAYERS,
    steps=30,
    final_steps=20,
    tv_weight=0.01,
    size=96,
    scale_ratio=2**0.5,
)


def style_loss(painter: TexturePainter, image: Tensor) -> float:
    losses = painter.objective((image.shape[-2], image.shape[-1])).gradient(image)[0]
    return sum(value for name, value in losses.items() if name.startswith("style"))


def test_presets_start_from_noise():
    assert get_recipe("texture").init == get_recipe("reconstruction").init == "noise"
    assert get_recipe("texture").content_weight == 0


@pytest.mark.parametrize("tileable", [False, True])
def test_texture_has_the_style_and_the_size(encoder, style, tileable):
    recipe = SMALL.replace(tv_weight=0.0)
    painter = TexturePainter([style], (64, 112), recipe, tileable=tileable, encoder=encoder)
    noise = torch.rand(1, 3, 64, 112, generator=torch.Generator().manual_seed(0))
    image = finish(painter)
    assert image.shape == (1, 3, 64, 112)
    assert style_loss(painter, image) < 0.05 * style_loss(painter, noise)


def test_tileable_texture_has_rounded_sides(encoder, style):
    painter = TexturePainter([style], (70, 106), SMALL, tileable=True, encoder=encoder)
    assert painter.stages[-1].size == (72, 104)
    assert all(length % 8 == 0 for stage in painter.stages for length in stage.size)
    plain = TexturePainter([style], (70, 106), SMALL, encoder=encoder)
    assert plain.stages[-1].size == (70, 106)
    assert plain.fingerprint() != painter.fingerprint()


def seams(image: Tensor) -> tuple[float, float]:
    """Mean difference across the borders, over that of neighbours inside; down and right."""
    ratios = []
    for axis in (-2, -1):
        differences = (
            (image.roll(-1, axis) - image).abs().mean(dim=(0, 1, -2 if axis == -1 else -1))
        )
        ratios.append(float(differences[-1] / differences[:-1].mean()))
    return ratios[0], ratios[1]


@pytest.mark.parametrize("optimizer", OPTIMIZERS)
def test_tileable_texture_has_no_seam(encoder, style, optimizer):
    recipe = SMALL.replace(optimizer=optimizer, tv_weight=0.5)

    def texture(tileable: bool) -> Tensor:
        return finish(TexturePainter([style], (96, 96), recipe, tileable=tileable, encoder=encoder))

    tile = texture(True)
    assert max(seams(tile)) < 1.35
    # A texture that is not tileable has seams, so the measure detects them.
    assert max(seams(texture(False))) > 1.7


@pytest.mark.parametrize("shift", [(48, 48), (8, 72)])
def test_loss_of_a_tileable_texture_is_shift_invariant(encoder, style, shift):
    painter = TexturePainter([style], (96, 96), SMALL, tileable=True, encoder=encoder)
    image = torch.rand(1, 3, 96, 96, generator=torch.Generator().manual_seed(1))
    objective = painter.objective((96, 96))
    losses, gradient = objective.gradient(image)
    rolled_losses, rolled_gradient = objective.gradient(image.roll(shift, (-2, -1)))
    assert rolled_losses == pytest.approx(losses, rel=1e-4)
    expected = gradient.roll(shift, (-2, -1))
    assert float((rolled_gradient - expected).norm() / expected.norm()) < 1e-3


def test_resumed_tileable_texture_is_identical(encoder, style):
    recipe = SMALL.replace(steps=4, final_steps=3)

    def painter() -> TexturePainter:
        return TexturePainter([style], (64, 96), recipe, tileable=True, encoder=encoder)

    first, second = painter(), painter()
    for number, _ in enumerate(first, 1):
        if number == 6:
            break
    second.load_state_dict(first.state_dict())
    assert torch.equal(finish(second), finish(painter()))


def test_invalid_textures(encoder, style):
    with pytest.raises(OptionError, match="16 px each way"):
        TexturePainter([style], (200, 12), SMALL, encoder=encoder)
    with pytest.raises(OptionError, match="give style_weight above 0"):
        TexturePainter([style], (64, 64), SMALL.replace(style_weight=0.0), encoder=encoder)
    recipe = SMALL.replace(style_layers={"relu9_1": 1.0})
    with pytest.raises(OptionError, match="relu1_1"):
        TexturePainter([style], (64, 64), recipe, encoder=encoder)

    def no_encoder(image: Tensor, layers: Sequence[str]) -> dict[str, Tensor]:
        return dict.fromkeys(layers, image)

    with pytest.raises(OptionError, match=r"impasto\.Encoder"):
        TexturePainter([style], (64, 64), SMALL, tileable=True, encoder=no_encoder)
    for memory in (1.0, 400e6):  # refused before anything is made, and with all that it takes
        with pytest.raises(OptionError, match=r"at least 0\.\d GB of memory") as caught:
            TexturePainter([style], (320, 320), SMALL, encoder=encoder, memory=memory)
    least = caught.value.allowed
    painter = TexturePainter(
        [style], (320, 320), SMALL, tileable=True, encoder=encoder, memory=least
    )
    with pytest.raises(OptionError, match="memory"):
        painter.objective((1024, 1024))


def test_content_entries_do_not_affect_a_texture(encoder, style):
    odd = SMALL.replace(content_weight=3.0, colour="luminance", strength=0.5, init="content")
    recipe = replace(odd, steps=3, final_steps=2)
    image = finish(TexturePainter([style], (64, 64), recipe, encoder=encoder))
    plain = replace(SMALL, steps=3, final_steps=2)
    assert torch.equal(image, finish(TexturePainter([style], (64, 64), plain, encoder=encoder)))


@pytest.mark.parametrize(
    ("given", "size"),
    [("1024x512", (512, 1024)), ("96", (96, 96)), ("40×30", (30, 40)), (" 8 X 9 ", (9, 8)),
     (64, (64, 64)), ((3, 2), (2, 3))],
)  # fmt: skip
def test_sizes(given, size):
    assert parse_size(given) == size


@pytest.mark.parametrize("given", ["big", "", "10x", "x10", "1x2x3", "-5", "0x9", "1.5x2", "9" * 9])
def test_invalid_sizes(given):
    with pytest.raises(OptionError, match="size"):
        parse_size(given)
