"""A new kind of network is one file and one line: all else works for it, too."""

from __future__ import annotations

import sys
from collections.abc import Mapping
from dataclasses import dataclass
from importlib.metadata import EntryPoint
from pathlib import Path
from types import SimpleNamespace

import pytest
import torch
import torch.nn.functional as F
from safetensors.torch import save_file
from torch import Tensor, nn

from helpers import network_trainings
from helpers.random_inputs import smooth_picture
from helpers.tiny_networks import SETTINGS, vectors
from impasto import images
from impasto.cli.main import run
from impasto.encoders.vgg import Encoder
from impasto.errors import OptionError, WeightsError
from impasto.images.picture import as_float, match_dtype
from impasto.losses.moments import Summary
from impasto.networks.base import Affine, StyledNetwork, StyleReader
from impasto.networks.files import load_network, save_network
from impasto.networks.kind import NetworkKind, shape_kind
from impasto.networks.model import OnePassModel, new_model
from impasto.networks.normalization import StagedForward
from impasto.networks.registry import NETWORKS, network_kind, register_network
from impasto.onepass.stylist import Stylist
from impasto.onepass.tiling import Schedule, paint_tiled
from impasto.runtime.safetensors import read_safetensors
from impasto.training.any_style import AnyStyleTraining
from impasto.training.crops import Crops
from impasto.training.fixed_styles import FixedStylesTraining


@dataclass(frozen=True)
class TinyShape:
    width: int = 4
    blocks: int = 1


class TinyNetwork(StyledNetwork):
    """Some modulated convolutions at the picture's size."""

    kind = "tiny"
    stride = 1

    def __init__(self, shape: TinyShape) -> None:
        super().__init__()
        self.shape = shape
        width = 3
        for index in range(shape.blocks):
            self.add_modulated(f"block{index}", nn.Conv2d(width, shape.width, 3, bias=False), 1)
            width = shape.width
        self.add_plain("picture", nn.Conv2d(width, 3, 1))
        self.halo = shape.blocks

    def staged_forward(
        self, image: Tensor, style: Affine, *, origin: tuple[int, int] = (0, 0)
    ) -> StagedForward:
        x = as_float(image).to(self.dtype)
        for name in self.modulated:
            x = self.convolve(name, x)
            x = F.relu((yield from self.modulate(name, x, style)))
        return match_dtype(self.convolve("picture", x).float().sigmoid(), image)


class LearntReader(StyleReader):
    """A reader with weights of its own."""

    def __init__(self, outputs: int) -> None:
        super().__init__()
        self.linear = nn.Linear(3, outputs)

    @property
    def layers(self) -> tuple[str, ...]:
        return ("relu2_1",)

    def forward(self, summaries: Mapping[str, Summary]) -> Tensor:
        return self.linear(summaries["relu2_1"]["mean"][:, :3])


class OwnReaderNetwork(TinyNetwork):
    kind = "own-reader"


TINY = shape_kind(TinyNetwork, TinyShape, options=("blocks",))
OWN_READER = NetworkKind(
    build=lambda encoder, sizes: OwnReaderNetwork(TinyShape(**sizes)),
    describe=lambda network: {},
    read=lambda description, tensors: OwnReaderNetwork(TinyShape()),
    style_reader=lambda network: LearntReader(network.style_size),
)


@pytest.fixture(autouse=True)
def empty_registry(monkeypatch: pytest.MonkeyPatch) -> None:
    """What a test registers is gone after it."""
    monkeypatch.setattr(NETWORKS, "_entries", dict(NETWORKS._entries))


@pytest.fixture
def tiny() -> OnePassModel:
    """A model of two styles, of a kind that Impasto does not know."""
    register_network("tiny", TINY)
    torch.manual_seed(0)
    model = new_model("tiny", "compact", blocks=2, width=5)
    model.styles = dict(zip("ab", vectors(2, model.network.style_size), strict=True))
    return model.frozen()


@pytest.fixture
def crops(tmp_path: Path) -> Crops:
    for number in range(3):
        images.write(tmp_path / f"{number}.png", smooth_picture(80, 90 + number, seed=number))
    return Crops(sorted(tmp_path.glob("*.png")), 64)


def test_a_new_kind_is_saved_and_loaded(tiny, tmp_path):
    save_network(tmp_path / "tiny.safetensors", tiny, dtype=torch.float32)
    loaded = load_network(tmp_path / "tiny.safetensors")
    assert isinstance(loaded.network, TinyNetwork)
    assert loaded.network.shape == TinyShape(5, 2)
    picture, style = smooth_picture(32, 40, seed=1), tiny.styles["b"][None]
    assert torch.equal(loaded.styles["b"][None], style)
    expected = tiny.network(picture, style)
    torch.testing.assert_close(loaded.network(picture, style), expected, rtol=0, atol=1e-6)


def test_its_files_are_checked_like_others(tiny, tmp_path):
    save_network(tmp_path / "tiny.safetensors", tiny, dtype=torch.float32)
    state, metadata = read_safetensors(tmp_path / "tiny.safetensors")
    assert '"blocks": 2' in metadata["description"]
    for wrong in ('"blocks": 1000000', '"blocks": 3', '"blocks": -1', '"blocks": "2"'):
        description = metadata["description"].replace('"blocks": 2', wrong)
        save_file(state, tmp_path / "x.safetensors", {**metadata, "description": description})
        with pytest.raises(WeightsError, match="does not fit its description"):
            load_network(tmp_path / "x.safetensors")


def test_it_stylizes_in_tiles(tiny):
    picture = smooth_picture(64, 96, seed=1)
    stylist = Stylist(tiny, precision="float32")
    style = stylist.spatial_style([stylist.named_style("a")], picture)
    whole = stylist.paint(picture, style)
    affine = tiny.network.split(style.vectors)
    for schedule in Schedule:
        tiled = paint_tiled(tiny.network, picture, lambda tile: affine, schedule=schedule, side=32)
        torch.testing.assert_close(tiled, whole, rtol=0, atol=1e-5)


@pytest.mark.parametrize("what", ["any", "fixed"])
def test_it_trains_a_step(what, tiny, crops, encoder):
    network = tiny.network.requires_grad_(True).train()
    task: AnyStyleTraining | FixedStylesTraining
    if what == "any":
        task = AnyStyleTraining(network, encoder, "tiny", crops, crops, SETTINGS)
    else:
        styles = {"c": smooth_picture(80, 80, seed=5)}
        task = FixedStylesTraining(network, encoder, "tiny", crops, styles, SETTINGS)
    before = network.convolutions["block0"].weight.detach().clone()
    losses, _ = task.step(0, 10)
    assert all(torch.isfinite(torch.tensor(list(losses.values()))))
    assert not torch.equal(network.convolutions["block0"].weight, before)


def test_it_is_trained_and_used_by_command(tmp_path, monkeypatch):
    register_network("tiny", TINY)
    network_trainings.make_sheets_small(monkeypatch)
    data = network_trainings.training_data(tmp_path / "data")
    output, picture = tmp_path / "tiny.safetensors", tmp_path / "out.png"
    more = ["--network", "tiny", "--blocks", "3", "--quiet"]
    assert run(network_trainings.command(data, "any-style", output, *more)) == 0
    assert load_network(output).network.shape == TinyShape(4, 3)
    photo, style = data / "photos" / "a.png", data / "paintings" / "wave.png"
    words = ["stylize", str(photo), "--style", str(style), "--model", str(output)]
    assert run([*words, "-o", str(picture), "--quiet"]) == 0
    assert images.read(picture).size == images.read(photo).size


def test_a_kind_can_have_a_style_reader_of_its_own(encoder: Encoder, crops, tmp_path):
    register_network("own-reader", OWN_READER)
    model = new_model("own-reader", "compact")
    assert isinstance(model.predictor, LearntReader)
    network, reader = model.network.train(), model.predictor.train()
    task = AnyStyleTraining(network, encoder, "compact", crops, crops, SETTINGS, predictor=reader)
    task.step(0, 10)
    save_network(tmp_path / "m.safetensors", task.model(), dtype=torch.float32)
    loaded = load_network(tmp_path / "m.safetensors")
    assert isinstance(loaded.predictor, LearntReader)
    expected = task.model().predictor.state_dict()
    assert torch.equal(loaded.predictor.state_dict()["linear.weight"], expected["linear.weight"])


def test_a_package_can_bring_a_kind(monkeypatch):
    """As an entry point, imported when it is needed and not before."""
    points = [EntryPoint("tiny", "its_network:KIND", "impasto.networks")]
    monkeypatch.setitem(NETWORKS.__dict__, "_entry_points", {p.name: [p] for p in points})
    assert list(NETWORKS) == ["paint", "recolour", "strokes", "johnson", "adain", "tiny"]
    assert "its_network" not in sys.modules
    monkeypatch.setitem(sys.modules, "its_network", SimpleNamespace(KIND=TINY))
    assert network_kind("tiny") is TINY
    assert isinstance(new_model("tiny", "compact").network, TinyNetwork)


def test_names_are_unique_and_unknown_ones_listed():
    with pytest.raises(OptionError, match=r"kind of network .paint. already exists"):
        register_network("paint", TINY)
    with pytest.raises(OptionError, match="Unknown kind of network 'tinny': choose one of paint"):
        network_kind("tinny")


def test_a_file_of_an_unknown_kind_is_refused(tiny, tmp_path, monkeypatch):
    save_network(tmp_path / "tiny.safetensors", tiny, dtype=torch.float32)
    monkeypatch.delitem(NETWORKS._entries, "tiny")
    with pytest.raises(WeightsError, match=r"its kind .tiny. is not one of paint, recolour, str"):
        load_network(tmp_path / "tiny.safetensors")


def test_an_adain_network_has_no_sizes():
    with pytest.raises(OptionError, match="An adain network has no blocks: its encoder sets"):
        new_model("adain", "compact", blocks=3)
