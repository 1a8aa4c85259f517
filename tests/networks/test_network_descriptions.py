"""A description in a model's file fits its tensors, or the file is refused."""

from __future__ import annotations

import copy
import functools
import json
import tempfile
from pathlib import Path
from typing import Any

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from safetensors.torch import save_file
from torch import Tensor, nn

from helpers.random_inputs import random_encoder, smooth_picture
from helpers.tiny_networks import ENCODER, any_style, fixed_styles, network, vectors
from impasto.errors import OptionError, WeightsError
from impasto.networks import files
from impasto.networks.files import load_network, save_network
from impasto.networks.model import new_model
from impasto.networks.paint_network import PaintShape
from impasto.runtime.safetensors import StateDict, read_safetensors


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "model.safetensors"


@functools.cache
def good(kind: str) -> tuple[StateDict, dict[str, str]]:
    """The tensors and metadata of a good file."""
    if kind == "adain":
        made = new_model("adain", "compact")
    elif kind == "paint":
        made = any_style("paint", random_encoder(ENCODER))
        made.styles = dict(zip("ab", vectors(2, made.network.style_size), strict=True))
    else:
        made = fixed_styles(kind, "a")
    with tempfile.TemporaryDirectory() as folder:
        save_network(Path(folder) / "good", made, dtype=torch.float32)
        return read_safetensors(Path(folder) / "good")


def described(kind: str) -> dict[str, Any]:
    return json.loads(good(kind)[1]["description"])


def write(path: Path, kind: str, description: object = None) -> None:
    """A good file, with another description if one is given."""
    state, metadata = good(kind)
    if description is not None:
        text = description if isinstance(description, str) else json.dumps(description)
        metadata = {**metadata, "description": text}
    save_file(state, path, metadata=metadata)


def refused(path: Path, match: str = "does not fit its description") -> None:
    with pytest.raises(WeightsError, match=match) as caught:
        load_network(path)
    assert str(path) in str(caught.value)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize("kind", ["paint", "johnson", "johnson-batch", "adain"])
def test_the_right_description_is_accepted(kind, path):
    write(path, kind, json.dumps(described(kind), indent=4))
    assert load_network(path).network.style_size > 0


@pytest.mark.parametrize("text", ["", "{", "null", "7", "[]", '"x"', "{}", "[" * 100_000, "NaN"])
def test_a_description_that_is_not_one(text, path):
    write(path, "paint", text)
    refused(path)


def test_a_missing_description(path):
    state, metadata = good("paint")
    save_file(state, path, metadata={k: v for k, v in metadata.items() if k != "description"})
    refused(path)


def changed(description: dict[str, Any], where: str, value: object) -> dict[str, Any]:
    """A description with one entry replaced; ``where`` is its path with slashes."""
    description = copy.deepcopy(description)
    *path, last = where.split("/")
    inner = description
    for name in path:
        inner = inner[name]
    inner[last] = value
    return description


HUGE = 10**12
BROKEN = {
    "paint": {
        "kind": ["johnson", "adain", "pain", None, ["paint"], 3],
        "encoder": [None, 7],
        "styles": [[], ["a"], ["a", "a"], ["a", 7], "ab", None, {"a": 1, "b": 2}],
        "shape": [None, [], {}, "shape"],
        "shape/widths": [[8, 8], [8, 8, 0], [8, -8, 8], [8, 8, 8, 8], [8, 8, 8.5], "888", 8, None],
        "shape/blocks": [[1, 1], [1, 1, 2], [1, -1, 1], 3, [1, 1, 1e300], [[1], 1, 1]],
        "shape/detail": [0, -1, 5, "4", None, 1e9],
        "shape/head": [0, 3],
        "shape/noise": [1, -1, None],
        "shape/further": [1],
        "predictor": [None, {}, [], 5],
        "predictor/channels": [{}, None, [4], {"relu1_1": 4}, {"relu1_1": 0}, {"relu1_1": -4}],
        "predictor/directions": [0, -1, 2, "3", None],
        "predictor/hidden": [0, 9, -8, None, [8]],
        "further": [1],
    },
    "johnson": {
        "shape/widths": [[4, 6], [4, 6, 0], 4],
        "shape/blocks": [0, 2, -1, 0.5, [1], None],
        "shape/norm": ["layer", None, 3, [], "batch"],
    },
    "adain": {
        "kind": ["paint", "johnson"],
        "encoder": ["no such encoder", "", 5, None, ["compact"]],
        "styles": [["a"], ["a", "a"], None],
        "shape": [{}, None],
        "predictor": [None, {}],
    },
}


@pytest.mark.parametrize(
    ("kind", "where", "value"),
    [(kind, where, value) for kind, entries in BROKEN.items()
     for where, values in entries.items() for value in values],
)  # fmt: skip
def test_a_description_with_a_wrong_entry(kind, where, value, path):
    write(path, kind, changed(described(kind), where, value))
    refused(path)


@pytest.mark.parametrize(
    ("kind", "where"),
    [("paint", key) for key in ("kind", "encoder", "styles", "shape", "shape/widths", "shape/noise",
                                "predictor/channels", "predictor/hidden")]
    + [("johnson", "shape/norm"), ("adain", "encoder"), ("adain", "styles")],
)  # fmt: skip
def test_a_description_with_a_missing_entry(kind, where, path):
    description = described(kind)
    *outer, last = where.split("/")
    inner = description
    for name in outer:
        inner = inner[name]
    del inner[last]
    write(path, kind, description)
    refused(path)


@pytest.mark.parametrize(
    ("kind", "where", "value"),
    [
        ("paint", "shape/widths", [1_000_000, 1_000_000, 1_000_000]),
        ("paint", "shape/widths", [HUGE, HUGE, HUGE]),
        ("paint", "shape/widths", [8, 8, 10**30]),
        ("paint", "shape/blocks", [1, HUGE, 1]),
        ("paint", "shape/blocks", [10**6 - 1, 1, 1]),
        ("paint", "shape/blocks", [1 - HUGE, HUGE, 1]),
        ("paint", "predictor/channels", {"relu1_1": 10**9}),
        ("paint", "predictor/channels", {"relu1_1": 10**30}),
        ("paint", "predictor/hidden", 10**9),
        ("paint", "predictor/hidden", 10**30),
        ("paint", "predictor/directions", 10**9),
        ("johnson", "shape/blocks", 10**9),
        ("johnson-batch", "shape/widths", [500_000, 500_000, 500_000]),
    ],
)
def test_nothing_large_is_built_for_a_small_file(kind, where, value, path, monkeypatch):
    write(path, kind, changed(described(kind), where, value))
    devices = set()
    for name in ("kaiming_normal_", "orthogonal_", "kaiming_uniform_"):
        real = getattr(nn.init, name)

        def filled(tensor: Tensor, *args: Any, real: Any = real, **options: Any) -> Tensor:
            devices.add(tensor.device.type)
            return real(tensor, *args, **options)

        monkeypatch.setattr(nn.init, name, filled)
    refused(path)
    assert devices <= {"meta"}


def test_the_right_network_is_built_on_the_meta_device_too(path, monkeypatch):
    """Outside of files, networks have real weights."""
    monkeypatch.setattr(files, "_load_state", lambda model, state: None)
    write(path, "paint")
    assert {p.device.type for p in load_network(path).network.parameters()} == {"meta"}
    assert network("paint").convolutions["fine"].weight.device.type == "cpu"


def test_impossible_shapes_are_refused_before_they_are_built():
    for wrong in ({"widths": (8, 0, 8)}, {"blocks": (1, -1, 1)}, {"head": 0}, {"noise": -1}):
        with pytest.raises(OptionError, match="widths of at least 1"):
            PaintShape(**wrong)


numbers = st.integers(-2, 9) | st.integers()
anything = st.recursive(
    st.sampled_from([None, True, False, "", "a", 0.5, float("nan")]) | numbers,
    lambda inner: st.lists(inner, max_size=3)
    | st.dictionaries(st.sampled_from(["relu1_1", "channels", ""]), inner, max_size=2),
    max_leaves=4,
)  # fmt: skip
PLACES = [(kind, where) for kind, entries in BROKEN.items() for where in entries]


@settings(max_examples=80, deadline=None)
@given(place=st.sampled_from(PLACES), value=anything)
def test_any_other_description_is_refused_or_works(place, value, tmp_path_factory):
    kind, where = place
    path = tmp_path_factory.getbasetemp() / "any.safetensors"
    write(path, kind, changed(described(kind), where, value))
    try:
        loaded = load_network(path)
    except WeightsError:
        return
    vector = torch.zeros(1, loaded.network.style_size)
    assert loaded.network(smooth_picture(33, 50, seed=1), vector).shape == (1, 3, 33, 50)


@settings(max_examples=60, deadline=None)
@given(data=st.data())
def test_any_damage_is_refused_or_harmless(data, tmp_path_factory):
    path = tmp_path_factory.getbasetemp() / "damaged.safetensors"
    write(path, "johnson")
    content = bytearray(path.read_bytes())
    header = 8 + int.from_bytes(content[:8], "little")
    for _ in range(data.draw(st.integers(1, 3))):
        content[data.draw(st.integers(0, header - 1))] = data.draw(st.integers(0, 255))
    path.write_bytes(content)
    try:
        loaded = load_network(path)
    except WeightsError:
        return
    assert loaded.network.style_size > 0
