"""Encoders by name: built in, registered, and from the entry points of installed packages."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest
import torch

from helpers.quick_paintings import FAST
from helpers.random_inputs import random_encoder
from impasto.encoders.protocol import FunctionEncoder
from impasto.encoders.vgg import Architecture, Encoder
from impasto.errors import OptionError
from impasto.painting.painter import Painter
from impasto.runtime import registry
from impasto.runtime.registry import Registry
from impasto.weights import open as opening
from impasto.weights.open import open_encoder, open_feature_extractor, register_encoder

MODULE = """
import torch

def open_squares():
    return lambda image, layers: {name: image.square() for name in layers}

NUMBER = 3
"""


@pytest.fixture(autouse=True)
def table(monkeypatch: pytest.MonkeyPatch) -> Registry[opening.EncoderOpener]:
    """A table of its own for each test."""
    own = Registry("encoder", opening._CALLABLE, "impasto.encoders", opening.ENCODERS._entries)
    monkeypatch.setattr(opening, "ENCODERS", own)
    return own


@pytest.fixture
def installed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A package that declares three encoders: one that works and two that do not."""
    (tmp_path / "fake_encoders.py").write_text(MODULE)
    metadata = tmp_path / "fake_encoders-1.0.dist-info"
    metadata.mkdir()
    (metadata / "METADATA").write_text("Metadata-Version: 2.1\nName: fake-encoders\nVersion: 1.0\n")
    (metadata / "entry_points.txt").write_text(
        "[impasto.encoders]\n"
        "squares = fake_encoders:open_squares\n"
        "missing = fake_encoders:nothing\n"
        "number = fake_encoders:NUMBER\n"
    )
    monkeypatch.syspath_prepend(str(tmp_path))
    yield tmp_path
    sys.modules.pop("fake_encoders", None)


def tiny() -> Encoder:
    return random_encoder(Architecture((4, 4), (1, 1)))


def test_a_registered_encoder_opens_by_name():
    register_encoder("tiny", tiny)
    encoder = open_encoder("tiny", "average")
    assert encoder.architecture == Architecture((4, 4), (1, 1), pooling="average")
    assert not any(weight.requires_grad for weight in encoder.parameters())
    assert open_feature_extractor("tiny", dtype=torch.bfloat16).dtype == torch.bfloat16


def test_the_encoder_of_an_opener_stays_as_it_is():
    own = tiny().requires_grad_(True)
    register_encoder("tiny", lambda: own)
    assert open_feature_extractor("tiny", "average", dtype=torch.bfloat16).dtype == torch.bfloat16
    assert not any(weight.requires_grad for weight in open_encoder("tiny").parameters())
    assert all(weight.requires_grad for weight in own.parameters())
    assert own.dtype == torch.float32


def test_a_registered_function_paints(content, style):
    register_encoder("colours", lambda: lambda image, layers: dict.fromkeys(layers, image))
    recipe = FAST.replace(encoder="colours", style_layers={"a": 1}, content_layers={"b": 1})
    painter = Painter(content, [style], recipe)
    assert isinstance(painter.encoder, FunctionEncoder)
    assert next(iter(painter)).losses.keys() >= {"style.a", "content.b"}


def test_a_function_is_not_an_encoder_for_training():
    register_encoder("colours", lambda: lambda image, layers: {})
    with pytest.raises(
        OptionError, match=r"'colours' is a function; an impasto\.Encoder is needed"
    ):
        open_encoder("colours")
    with pytest.raises(OptionError, match="pooling of the encoder 'colours' cannot be changed"):
        open_feature_extractor("colours", "average")


@pytest.mark.parametrize(
    ("name", "opener", "message"),
    [
        ("compact", tiny, "encoder 'compact' already exists"),
        ("tiny.safetensors", tiny, "the name of a file"),
        ("three", 3, "must be a Callable, not 3"),
    ],
)
def test_invalid_registrations(name, opener, message):
    with pytest.raises(OptionError, match=message):
        register_encoder(name, opener)


def test_an_installed_package_provides_an_encoder(installed, content, style):
    recipe = FAST.replace(encoder="squares", style_layers={"a": 1}, content_layers={"b": 1})
    assert next(iter(Painter(content, [style], recipe))).losses.keys() >= {"style.a", "content.b"}


def test_an_unknown_name_lists_all_encoders(installed):
    with pytest.raises(
        OptionError,
        match=r"Unknown encoder 'squarez': choose one of compact, .*squares.*squares'\?",
    ):
        open_encoder("squarez")
    assert "fake_encoders" not in sys.modules


def test_a_package_that_cannot_be_loaded_is_named(installed):
    with pytest.raises(OptionError, match=r"'missing' of the package fake-encoders cannot be load"):
        open_encoder("missing")
    with pytest.raises(OptionError, match="'number' must be a Callable, not 3"):
        open_encoder("number")


def test_built_in_names_read_no_metadata(monkeypatch):
    def search(_):
        raise AssertionError("searched")

    monkeypatch.setattr(registry, "entry_points", search)
    assert open_encoder("compact").layers[0] == "conv1_1"
    with pytest.raises(AssertionError, match="searched"):
        open_encoder("unknown")


def test_importing_reads_no_metadata():
    code = (
        "import importlib.metadata as m, torch\n"  # torch itself searches for backends
        "def search(*a, **k): raise SystemExit('searched')\n"
        "m.entry_points = search\n"
        "import impasto.weights.open, impasto.painting.painter\n"
    )
    subprocess.run([sys.executable, "-c", code], check=True)
