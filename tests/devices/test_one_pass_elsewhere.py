"""One pass on a device that is not the CPU: styles are read and pictures painted there."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
import torch

from helpers.emulated_device import NAME, AwayTensor, away_only, emulated
from helpers.random_inputs import smooth_picture
from helpers.tiny_networks import any_style, network, vectors
from impasto.encoders.vgg import Encoder
from impasto.images.picture import Picture
from impasto.networks.model import OnePassModel
from impasto.onepass import stylist as stylist_module
from impasto.onepass.stylist import Stylist, mixture
from impasto.onepass.stylizer import StyleSource, Stylizer
from impasto.onepass.tiling import Schedule
from impasto.regions.regions import Region
from impasto.runtime.devices import device_module

CONTENT = smooth_picture(70, 100, seed=3)
STYLES = [smooth_picture(80, 64, seed=1), smooth_picture(64, 96, seed=2)]


@pytest.fixture
def away() -> Iterator[None]:
    with emulated():
        yield


def stylists(name: str, encoder: Encoder) -> list[Stylist]:
    """Of one model, on the device and on the CPU."""
    model = any_style(name, encoder)
    return [Stylist(model, encoder=encoder, precision="float32", device=d)
            for d in (NAME, "cpu")]  # fmt: skip


@pytest.mark.parametrize("name", ["paint", "paint-noise", "johnson", "adain"])
@pytest.mark.parametrize("schedule", Schedule)
def test_every_network_and_schedule(name, schedule, encoder, away, monkeypatch):
    monkeypatch.setattr(stylist_module, "choose_schedule", lambda *_: (schedule, 64))
    masks = torch.stack([CONTENT[0, 0], 1 - CONTENT[0, 0]])[None]
    painted = []
    for stylist in stylists(name, encoder):
        read = [stylist.read_style(picture) for picture in STYLES]
        style = stylist.spatial_style(
            [mixture(read, (1, 3)), read[1]], CONTENT, strength=0.8, masks=masks
        )
        content = CONTENT.to(stylist.device)
        if stylist.device.type == NAME:
            with away_only():
                painted.append(stylist.paint(content, style))
        else:
            painted.append(stylist.paint(content, style))
    assert isinstance(painted[0], AwayTensor)
    torch.testing.assert_close(painted[0].cpu(), painted[1], atol=1e-4, rtol=0)
    assert float(painted[1].std()) > 0.005


@pytest.mark.parametrize("name", ["paint-noise", "johnson", "adain"])
def test_where_channels_last_are_slower(name, encoder):
    with emulated(contiguous=True):
        painted = []
        for stylist in stylists(name, encoder):
            style = stylist.spatial_style([stylist.read_style(STYLES[0])], CONTENT)
            painted.append(stylist.paint(CONTENT, style).cpu())
    torch.testing.assert_close(*painted, atol=1e-4, rtol=0)


def test_styles_are_read_there_in_tiles_and_under_masks(encoder, away, monkeypatch):
    monkeypatch.setattr(stylist_module, "_TILE", 48)
    mask = (STYLES[0][:, :1] > 0.5).float()
    one, other = stylists("paint", encoder)
    picture, part = STYLES[0].to(NAME), mask.to(NAME)
    with away_only():
        vector = one.read_style(picture, mask=part)
    torch.testing.assert_close(vector.cpu(), other.read_style(STYLES[0], mask=mask))


def test_the_model_that_was_given_stays_where_it_is(encoder, away):
    model = any_style("paint", encoder)
    stylist = Stylist(model, encoder=encoder, device=NAME)
    assert stylist.device.type == NAME
    for module in (model.network, model.predictor):
        assert {p.device.type for p in module.parameters()} == {"cpu"}


@pytest.mark.parametrize("colour", ["style", "content", "luminance", "match"])
@pytest.mark.parametrize("is_uint8", [False, True])
@pytest.mark.parametrize("reference", [640, 40])
def test_a_stylizer_with_regions_and_colours(colour, is_uint8, reference, away, monkeypatch):
    monkeypatch.setattr("impasto.onepass.stroke_size.REFERENCE", reference)
    net = network("paint")
    names = ("a", "b")
    model = OnePassModel(net, styles=dict(zip(names, vectors(2, net.style_size), strict=True)))
    content = Picture(CONTENT).as_uint8() if is_uint8 else Picture(CONTENT)
    left = torch.zeros(1, 1, *content.size)
    left[..., :50] = 1
    regions = [Region("a", left, style_name="a"), Region("rest", 1 - left, keep=True)]
    painted = [
        Stylizer(
            [StyleSource("a"), StyleSource("b", 2.0)],
            model=model, colour=colour, precision="float32", device=device,
        ).paint(content, regions=[] if is_uint8 else regions)
        for device in (NAME, "cpu")
    ]  # fmt: skip
    assert painted[0].device.type == NAME
    assert painted[0].dtype == painted[1].dtype
    atol = 1 if is_uint8 else 1e-4
    torch.testing.assert_close(painted[0].cpu().float(), painted[1].float(), atol=atol, rtol=0)


def test_smaller_tiles_after_running_out_of_memory(encoder, away, monkeypatch):
    stylist, _ = stylists("paint", encoder)
    style = stylist.spatial_style([stylist.read_style(STYLES[0])], CONTENT)
    expected = stylist.paint(CONTENT, style)
    whole, tried, released = stylist_module.paint_tiled, [], []

    def limited(*args, schedule, side, **options):
        tried.append((schedule, side))
        if len(tried) < 2:
            raise torch.OutOfMemoryError("out of memory")
        return whole(*args, schedule=schedule, side=side, **options)

    monkeypatch.setattr(stylist_module, "paint_tiled", limited)
    monkeypatch.setattr(
        device_module(torch.device(NAME)), "empty_cache", lambda: released.append(1)
    )
    torch.testing.assert_close(stylist.paint(CONTENT, style).cpu(), expected.cpu())
    assert tried[0][0] is Schedule.WHOLE
    assert tried[-1][0] is Schedule.RECOMPUTED
    assert len(released) == 1

    def never(*args, **options):
        raise torch.OutOfMemoryError("out of memory")

    monkeypatch.setattr(stylist_module, "paint_tiled", never)
    with pytest.raises(torch.OutOfMemoryError):
        stylist.paint(CONTENT, style)
