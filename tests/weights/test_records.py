"""The table of weights, and the cache folder."""

from __future__ import annotations

from pathlib import Path

import pytest
import torch
from platformdirs import user_cache_path

from helpers.tiny_weights import Record, StateDict, pickled
from impasto.errors import OptionError
from impasto.runtime.safetensors import read_safetensors
from impasto.weights import store
from impasto.weights.records import WEIGHTS

pytestmark = pytest.mark.usefixtures("cache")


# The table


@pytest.mark.parametrize("name", ["vgg16", "vgg19"])
def test_the_published_hashes_begin_with_the_digits_in_the_file_names(name: str) -> None:
    known = WEIGHTS[name]
    digits = known.urls[0].rsplit("-", 1)[1].removesuffix(".pth")
    assert known.sha256.startswith(digits)
    assert len(known.sha256) == 64


def test_every_record_is_found_by_its_name() -> None:
    assert all(known.name == name for name, known in WEIGHTS.items())
    assert WEIGHTS["compact"].source == "embedded"
    assert WEIGHTS["vgg19"].source == "download"


def test_an_unknown_name_lists_the_known_ones() -> None:
    with pytest.raises(
        OptionError, match=r"compact, compact2, vgg19, vgg16, any, multi, .*\. Did you mean 'vgg19'"
    ):
        store.locate("vgg18")


def test_a_downloaded_weight_needs_a_checksum(record: Record) -> None:
    with pytest.raises(OptionError, match="needs a SHA-256"):
        record(sha256="")


@pytest.mark.parametrize(
    ("name", "indices"),
    [
        ("vgg16", [0, 2, 5, 7, 10, 12, 14, 17, 19, 21, 24, 26, 28]),
        ("vgg19", [0, 2, 5, 7, 10, 12, 14, 16, 19, 21, 23, 25, 28, 30, 32, 34]),
    ],
)
def test_convolutions_have_torchvisions_indices(
    record: Record, name: str, indices: list[int]
) -> None:
    state: StateDict = {}
    for count, index in enumerate(indices):
        state[f"features.{index}.weight"] = torch.full((1, 1 if count else 3, 3, 3), float(count))
        state[f"features.{index}.bias"] = torch.zeros(1)
    known = WEIGHTS[name]
    assert sum(known.depths) == len(indices)
    weight = record(pickled(state), name=name, widths=(1,) * 5, depths=known.depths)
    tensors, _ = read_safetensors(store.fetch(weight))
    names = [f"conv{b}_{i}" for b, depth in enumerate(known.depths, 1) for i in range(1, depth + 1)]
    assert [tensors[f"{name}.weight"].mean().item() for name in names] == list(range(len(indices)))


# Where things are


def test_cache_from_the_environment_variable(cache: Path, record: Record) -> None:
    assert store.cache_dir() == cache
    assert store.fetch(record()) == cache / "tiny.safetensors"


def test_cache_of_the_platform_by_default(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("IMPASTO_CACHE")
    assert store.cache_dir() == user_cache_path("impasto", appauthor=False)


def test_cache_below_home(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("IMPASTO_CACHE", "~/paint")
    assert store.cache_dir() == Path.home() / "paint"
