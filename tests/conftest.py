"""What several test files work with: a tiny encoder, smooth random pictures, made-up weights."""

from __future__ import annotations

import dataclasses
import hashlib
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
import torch
from hypothesis import settings
from torch import Tensor

from helpers.emulated_device import reserve_gradients
from helpers.file_server import FileServer, serving, unused_url
from helpers.learned_nets import LEARNED, published_linear, random_state
from helpers.quick_paintings import FAST, finish
from helpers.random_inputs import random_encoder, smooth_picture
from helpers.tiny_weights import Record, pickled, published_state
from impasto import images
from impasto.encoders.alexnet import AlexNet
from impasto.encoders.inception import Inception
from impasto.encoders.vgg import VGG16, Architecture, Encoder
from impasto.images.picture import Picture
from impasto.images.samples import PAIRS
from impasto.painting.painter import Painter
from impasto.runtime import downloads
from impasto.weights import store
from impasto.weights.open import open_encoder
from impasto.weights.records import WEIGHTS, WeightRecord

reserve_gradients()

# Other work may share the machine: how long an example takes tells nothing.
settings.register_profile("impasto", deadline=None)
settings.load_profile("impasto")


@pytest.fixture(autouse=True, scope="session")
def one_thread() -> Iterator[None]:
    """Tensors this small are slower on many threads, above all beside other test processes."""
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(before)


@pytest.fixture(scope="session")
def playwright() -> Iterator[Any]:
    """Drives all browsers: Playwright refuses to be started twice in one process."""
    from playwright.sync_api import sync_playwright

    with sync_playwright() as driver:
        yield driver


@pytest.fixture(scope="session")
def encoder() -> Encoder:
    """Five blocks of one convolution: conv1_1 … conv5_1, a few channels each."""
    architecture = Architecture((4, 6, 8, 8, 8), (1, 1, 1, 1, 1), padding="reflect")
    return random_encoder(architecture)


@pytest.fixture(scope="session")
def content() -> Picture:
    return Picture(smooth_picture(64, 96, seed=1))


@pytest.fixture(scope="session")
def style() -> Picture:
    return Picture(smooth_picture(80, 72, seed=2))


@pytest.fixture(scope="session")
def other_style() -> Picture:
    return Picture(smooth_picture(64, 64, seed=3))


# --- paintings ------------------------------------------------------------------------------------


@pytest.fixture
def paint(encoder: Encoder, content: Picture) -> Callable[..., Tensor]:
    """The finished picture of one or more styles, with regions and changes to the recipe."""

    def paint(styles: Any, regions: Any = (), **changes: Any) -> Tensor:
        recipe = FAST.replace(**changes)
        return finish(Painter(content, styles, recipe, regions=regions, encoder=encoder))

    return paint


@pytest.fixture(scope="session")
def sample() -> tuple[Picture, Picture, Encoder]:
    """A photograph, a painting, and the encoder that comes with the program."""
    pair = PAIRS["tuebingen-starry-night"]
    photo, style = (
        images.read(path, long_side=96) for path in (pair.content_path, pair.style_path)
    )
    return photo, style, open_encoder("compact", "own")


# --- weights of a few kilobytes -------------------------------------------------------------------


@pytest.fixture
def cache(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Path:
    """An empty one of the test's own; and no pause before another attempt to download."""
    monkeypatch.setenv("IMPASTO_CACHE", str(tmp_path / "cache"))
    monkeypatch.setenv("no_proxy", "127.0.0.1")
    monkeypatch.setattr(downloads, "PAUSE", 0.0)
    return tmp_path / "cache"


@pytest.fixture
def server() -> Iterator[FileServer]:
    with serving(pickled(published_state())) as server:
        yield server


@pytest.fixture
def record(server: FileServer) -> Record:
    """A function that makes the record of what the server has now."""

    def make(body: bytes | None = None, **changes: Any) -> WeightRecord:
        server.body = server.body if body is None else body
        fields = {
            "name": "tiny",
            "kind": "encoder",
            "urls": (server.url,),
            "sha256": hashlib.sha256(server.body).hexdigest(),
            "bytes": len(server.body),
            "licence": "none",
            "paper": "none",
            "value_range": "any",
            "widths": (4, 6),
            "depths": (2, 1),
        }
        return WeightRecord(**{**fields, **changes})

    return make


@pytest.fixture
def built_in(
    cache: Path, record: Record, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> WeightRecord:
    """A record whose file is in the package."""
    monkeypatch.setattr(store, "EMBEDDED", tmp_path)
    store.fetch(record()).rename(tmp_path / "inside.safetensors")
    return record(name="inside", urls=(), sha256="", bytes=0)


# --- weights of learned metrics -------------------------------------------------------------------


def published_vgg16() -> dict[str, Tensor]:
    state = random_encoder(VGG16).convolutions.state_dict()
    layers = VGG16.layers
    return {
        f"features.{layers.index(key.partition('.')[0])}.{key.partition('.')[2]}": value
        for key, value in state.items()
    }


@pytest.fixture(scope="session")
def published() -> dict[str, dict[str, Tensor]]:
    """What publishers offer, made up: name → what the file holds."""
    spare = {
        "fc1.weight": torch.zeros(2),
        "AuxLogits1.conv0.bn.num_batches_tracked": torch.tensor(1),
    }
    return {
        "vgg16": published_vgg16(),
        "lpips-vgg16": published_linear("lpips-vgg16"),
        "alexnet": random_state(AlexNet()),
        "lpips-alexnet": published_linear("lpips-alexnet"),
        "art-inception": random_state(Inception()) | spare,
    }


@pytest.fixture(scope="session")
def _kept(
    published: dict[str, dict[str, Tensor]], tmp_path_factory: pytest.TempPathFactory
) -> tuple[Path, dict[str, WeightRecord]]:
    """A cache with all of it, added by hand."""
    folder = tmp_path_factory.mktemp("learned")
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("IMPASTO_CACHE", str(folder / "cache"))
        for name, state in published.items():
            file = folder / f"{name}.pth"
            file.write_bytes(pickled(state))
            digest = hashlib.sha256(file.read_bytes()).hexdigest()
            record = dataclasses.replace(WEIGHTS[name], sha256=digest, bytes=0)
            patch.setitem(WEIGHTS, name, record)
            store.add(name, file)
            file.unlink()
        return folder / "cache", {name: WEIGHTS[name] for name in LEARNED}


@pytest.fixture
def kept(_kept: tuple[Path, dict[str, WeightRecord]], monkeypatch: pytest.MonkeyPatch) -> Path:
    """All of it at hand."""
    monkeypatch.setenv("IMPASTO_CACHE", str(_kept[0]))
    for name, record in _kept[1].items():
        monkeypatch.setitem(WEIGHTS, name, record)
    return _kept[0]


@pytest.fixture
def empty(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """Nothing at hand, and nobody answers."""
    monkeypatch.setenv("IMPASTO_CACHE", str(tmp_path / "empty"))
    monkeypatch.setenv("no_proxy", "127.0.0.1")
    monkeypatch.setattr(downloads, "PAUSE", 0.0)
    for name in LEARNED:
        record = dataclasses.replace(WEIGHTS[name], urls=(unused_url(),))
        monkeypatch.setitem(WEIGHTS, name, record)
