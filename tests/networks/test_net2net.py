"""Networks with more blocks: at first the same pictures, then something to learn."""

from __future__ import annotations

import pytest
import torch

from helpers.random_inputs import smooth_picture
from helpers.tiny_networks import SETTINGS, any_style, fixed_styles, network
from impasto.errors import OptionError
from impasto.networks.colour_map import recoloured
from impasto.networks.files import load_network, save_network
from impasto.networks.model import OnePassModel
from impasto.networks.net2net import deepened_network, recolouring_network
from impasto.networks.paint_network import PaintNetwork
from impasto.networks.style_predictor import StylePredictor
from impasto.onepass.stylist import Stylist
from impasto.training.crops import Crops
from impasto.training.fixed_styles import FixedStylesTraining

NONE: Crops = None  # type: ignore[assignment]
"""No photographs: no step is made."""

BLOCKS = [(2, 1, 1), (1, 3, 1), (1, 1, 2), (3, 2, 2), (1, 1, 1)]


def paint(model: OnePassModel, vector: torch.Tensor) -> torch.Tensor:
    return model.network(smooth_picture(48, 64, seed=1), vector[None])


@pytest.mark.parametrize("blocks", BLOCKS)
def test_named_styles_are_painted_as_before(blocks):
    before = fixed_styles("paint", "old", "other")
    after = deepened_network(before, blocks)
    assert isinstance(after.network, PaintNetwork)
    assert after.network.shape.blocks == blocks
    for name in ("old", "other"):
        expected, found = paint(before, before.styles[name]), paint(after, after.styles[name])
        torch.testing.assert_close(found, expected, rtol=0, atol=1e-6)
    assert not torch.allclose(
        paint(after, after.styles["old"]), paint(after, after.styles["other"])
    )


@pytest.mark.parametrize("blocks", BLOCKS)
def test_any_style_is_painted_as_before(blocks, encoder):
    before = any_style("paint", encoder)
    after = deepened_network(before, blocks)
    assert isinstance(after.predictor, StylePredictor)
    photo = smooth_picture(48, 64, seed=1)
    pictures = []
    for model in (before, after.frozen()):
        stylist = Stylist(model, encoder=encoder, precision="float32")
        vector = stylist.read_style(smooth_picture(64, 64, seed=2))
        pictures.append(stylist.paint(photo, stylist.spatial_style([vector], photo)))
    torch.testing.assert_close(*pictures, rtol=0, atol=1e-6)


def test_a_style_that_is_new_begins_without_the_new_blocks(encoder):
    """γ = 1 and β = 0 in all old blocks, as before."""
    before = fixed_styles("paint", "old")
    after = deepened_network(before, (1, 2, 1))
    plain = torch.zeros(before.network.style_size)
    assert after.network.initial_style is not None
    torch.testing.assert_close(
        paint(after, after.network.initial_style), paint(before, plain), rtol=0, atol=1e-6
    )
    task = FixedStylesTraining(
        after.network, encoder, "tiny", NONE, {"new": smooth_picture(64, 64, seed=3)}, SETTINGS,
        start=after.styles,
    )  # fmt: skip
    rows = dict(zip(task.table.names, task.table.rows, strict=True))
    assert torch.equal(rows["new"].detach(), after.network.initial_style)
    assert torch.equal(rows["old"].detach(), after.styles["old"])


def test_new_blocks_learn():
    model = deepened_network(fixed_styles("paint", "old"), (1, 2, 1))
    vector = model.styles["old"].clone().requires_grad_(True)
    paint(model, vector).square().sum().backward()
    new = network("paint").style_size
    assert vector.grad is not None
    assert len(vector) > new
    scales, shifts = model.network.split(vector.grad[None])["deep1b"]
    assert float((scales - 1).abs().min()) > 0
    assert float(shifts.abs().min()) > 0


def test_the_model_it_is_made_of_stays_as_it_is(tmp_path):
    before = fixed_styles("paint", "old")
    weights = {key: value.clone() for key, value in before.network.state_dict().items()}
    after = deepened_network(before, (1, 2, 1))
    with torch.no_grad():
        for parameter in after.network.parameters():
            parameter.add_(1)
    assert all(torch.equal(value, weights[k]) for k, value in before.network.state_dict().items())
    save_network(tmp_path / "deep.safetensors", after, dtype=torch.float32)
    assert load_network(tmp_path / "deep.safetensors").network.shape.blocks == (1, 2, 1)


def test_blocks_are_not_taken_away():
    with pytest.raises(OptionError, match="has blocks 1,1,1: blocks can only add"):
        deepened_network(fixed_styles("paint", "old"), (1, 0, 1))


def test_only_networks_with_such_blocks():
    with pytest.raises(OptionError, match="of kind paint and recolour only: leave"):
        deepened_network(fixed_styles("johnson", "old"), (1, 2, 1))


def test_a_recolouring_network_begins_as_the_network_it_starts_from(encoder):
    """It paints what that one makes of the recoloured photograph."""
    before = any_style("paint", encoder)
    after = recolouring_network(before)
    photo, style = smooth_picture(48, 64, seed=1), smooth_picture(64, 64, seed=2)
    vectors = [
        Stylist(model, encoder=encoder, precision="float32").read_style(style)
        for model in (before, after.frozen())
    ]
    size = before.network.style_size
    torch.testing.assert_close(vectors[1][:size], vectors[0], rtol=0, atol=1e-6)
    with torch.enable_grad():  # the palette of all pixels is that of every fourth pixel here
        few = after.network(photo, vectors[1][None].requires_grad_(True)).detach()
        plain = before.network(recoloured(photo, style), vectors[0][None].requires_grad_(True))
    assert (few - plain.detach()).abs().mean() < 0.02


@pytest.mark.parametrize("blocks", BLOCKS)
def test_a_recolouring_network_with_more_blocks_paints_as_before(blocks, encoder):
    before = recolouring_network(any_style("paint", encoder)).frozen()
    after = deepened_network(before, blocks).frozen()
    photo = smooth_picture(48, 64, seed=1)
    pictures = []
    for model in (before, after):
        stylist = Stylist(model, encoder=encoder, precision="float32")
        vector = stylist.read_style(smooth_picture(64, 64, seed=2))
        pictures.append(stylist.paint(photo, stylist.spatial_style([vector], photo)))
    torch.testing.assert_close(*pictures, rtol=0, atol=1e-6)


@pytest.mark.parametrize("kind", ["johnson", "strokes", "recolour"])
def test_only_a_paint_network_for_any_style_can_begin_to_recolour(kind, encoder):
    with pytest.raises(OptionError, match="starts from one of kind paint"):
        recolouring_network(any_style(kind, encoder))
    with pytest.raises(OptionError, match="starts from one of kind paint"):
        recolouring_network(fixed_styles("paint", "old"))
