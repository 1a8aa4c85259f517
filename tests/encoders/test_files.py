"""Encoder files: round trips, and a WeightsError for every damaged file."""

from __future__ import annotations

import json
import os
import struct
import sys

import pytest
import torch
import torch.nn.functional as F
from hypothesis import given, settings
from hypothesis import strategies as st
from safetensors.torch import save_file

from impasto.encoders import files
from impasto.encoders.files import load_encoder, save_encoder
from impasto.encoders.vgg import Architecture, Encoder
from impasto.errors import OptionError, WeightsError
from impasto.runtime.safetensors import read_safetensors
from impasto.weights.open import open_encoder

ARCHITECTURE = Architecture(
    widths=(4, 5),
    depths=(2, 1),
    pooling="average",
    padding="reflect",
    mean=(0.4, 0.5, 0.6),
    std=(0.2, 0.3, 0.25),
    readouts={"relu1_1": 3, "pool2": 2},
    readouts_rectified=True,
)


def encoder(architecture=ARCHITECTURE):
    torch.manual_seed(0)
    return Encoder(architecture)


def picture():
    return torch.rand(2, 3, 16, 12, generator=torch.Generator().manual_seed(0))


@pytest.fixture
def path(tmp_path):
    return tmp_path / "tiny.safetensors"


def saved(path, dtype=torch.float32, **options):
    """A good file, its tensors and its metadata."""
    save_encoder(path, encoder(), dtype=dtype, **options)
    return read_safetensors(path)


def refused(path, match=None):
    with pytest.raises(WeightsError, match=match) as caught:
        load_encoder(path)
    assert str(path) in str(caught.value)


# --- There and back ---------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("dtype", "tolerance"),
    [(torch.float32, 0), (torch.float64, 0), (torch.float16, 1e-3), (torch.bfloat16, 8e-3)],
)
def test_round_trip(path, dtype, tolerance):
    before = encoder()
    save_encoder(path, before, dtype=dtype)
    after = load_encoder(path)
    assert after.architecture == before.architecture
    assert after.state_dict().keys() == before.state_dict().keys()
    for key, value in before.state_dict().items():
        assert after.state_dict()[key].dtype == torch.float32
        torch.testing.assert_close(after.state_dict()[key], value, rtol=0, atol=tolerance)
    features, expected = (net(picture(), before.layers) for net in (after, before))
    for name in before.layers:
        torch.testing.assert_close(features[name], expected[name], rtol=0, atol=30 * tolerance)


def test_loaded_encoder_is_frozen_and_channels_last(path):
    saved(path)
    loaded = load_encoder(str(path))
    assert not loaded.training
    assert not any(weight.requires_grad for weight in loaded.parameters())
    weight = loaded.convolutions["conv1_2"].weight
    assert weight.is_contiguous(memory_format=torch.channels_last)


def test_file_has_one_dtype_the_papers_names_and_the_card(path):
    state, metadata = saved(path, torch.float16, card={"licence": "MIT", "format": "mine"})
    assert {value.dtype for value in state.values()} == {torch.float16}
    names = ["conv1_1", "conv1_2", "conv2_1", "readouts.relu1_1", "readouts.pool2"]
    assert set(state) == {f"{name}.{part}" for name in names for part in ("weight", "bias")}
    assert metadata["licence"] == "MIT"
    assert metadata["format"] == files.FORMAT


def test_round_trip_of_the_default_architecture(path):
    plain = encoder(Architecture(widths=(4,), depths=(1,)))
    save_encoder(path, plain, dtype=torch.float32)
    assert load_encoder(path).architecture == plain.architecture


def test_file_mode_follows_the_umask(path):
    other = path.with_name("other")
    other.touch()
    saved(path)
    assert path.stat().st_mode == other.stat().st_mode


@pytest.mark.skipif(sys.platform == "win32", reason="there are no limits of file sizes")
def test_full_disk_is_a_weights_error_and_keeps_the_old_file(path):
    import resource

    path.write_text("old")
    limits = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (200, limits[1]))
    try:
        with pytest.raises(WeightsError, match="could not be written"):
            save_encoder(path, encoder(), dtype=torch.float32)
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, limits)
    assert path.read_text() == "old"
    assert os.listdir(path.parent) == [path.name]


# --- Broken files -----------------------------------------------------------------------------


def test_missing_file_and_folder(path):
    refused(path, "no weight file")
    path.mkdir()
    refused(path, "no weight file")
    with pytest.raises(WeightsError, match="is a folder"):
        save_encoder(path, encoder(), dtype=torch.float32)


GARBAGE = [b"", b"\x80\x04pickle", b"PK\x03\x04" + bytes(100), bytes(8), b"\xff" * 64]


@pytest.mark.parametrize("content", [*GARBAGE, struct.pack("<Q", 2) + b"[]"])
def test_garbage(path, content):
    path.write_bytes(content)
    refused(path, "not a readable safetensors file")


@given(fraction=st.floats(0, 1, exclude_max=True))
@settings(max_examples=30, deadline=None)
def test_a_truncated_file(tmp_path_factory, fraction):
    path = tmp_path_factory.getbasetemp() / "truncated.safetensors"
    saved(path)
    content = path.read_bytes()
    path.write_bytes(content[: int(fraction * len(content))])
    refused(path, "not a readable safetensors file")


@pytest.mark.parametrize("metadata", [None, {}, {"format": "pt"}])
def test_file_of_an_unknown_layout(path, metadata):
    save_file({"features.0.weight": torch.zeros(4, 3, 3, 3)}, path, metadata=metadata)
    refused(path, "not a known encoder file")


@pytest.mark.parametrize("version", ["2", "", None])
def test_file_of_another_version(path, version):
    state, metadata = saved(path)
    metadata["version"] = version
    save_file(state, path, {key: value for key, value in metadata.items() if value is not None})
    refused(path, "version")


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (lambda state: state.pop("conv1_1.bias"), "conv1_1.bias"),
        (lambda state: state.pop("readouts.pool2.weight"), "readouts.pool2.weight"),
        (lambda state: state.update(extra=torch.zeros(1)), "extra"),
        (lambda state: state.update(mean=torch.zeros(1, 3, 1, 1)), "mean"),
        (lambda state: state.update({"conv1_1.bias": torch.zeros(5)}), r"\(5,\).*says \(4,\)"),
        (lambda state: state.update({"conv1_2.weight": torch.zeros(4, 4, 1, 1)}), r"4, 3, 3\)"),
        (lambda state: state["conv2_1.weight"][1, 2, 0].fill_(float("nan")), "not finite"),
        (lambda state: state["readouts.pool2.bias"][1].fill_(float("inf")), "not finite"),
        (lambda state: state.update({"conv1_1.bias": torch.ones(4).double() * 1e300}), "finite"),
        (lambda state: state.update({"conv1_1.bias": torch.ones(4).int()}), "torch.int32"),
        (
            lambda state: state.update({"conv1_1.bias": torch.ones(4).to(torch.complex64)}),
            "complex",
        ),
    ],
)
def test_missing_extra_and_misshapen_tensors(path, change, message):
    state, metadata = saved(path)
    change(state)
    save_file(state, path, metadata)
    refused(path, message)


def with_architecture(path, text):
    """A good file but for the description of its architecture."""
    state, metadata = saved(path)
    save_file(state, path, {**metadata, "architecture": text})


GOOD = {
    "widths": [4, 5],
    "depths": [2, 1],
    "pooling": "average",
    "padding": "reflect",
    "mean": [0.4, 0.5, 0.6],
    "std": [0.2, 0.3, 0.25],
    "readouts": {"relu1_1": 3, "pool2": 2},
    "readouts_rectified": True,
}


def test_the_description_is_json(path):
    _, metadata = saved(path)
    assert json.loads(metadata["architecture"]) == GOOD
    with_architecture(path, json.dumps(GOOD, indent=4))
    assert load_encoder(path).architecture == ARCHITECTURE


@pytest.mark.parametrize("text", ["", "{", "null", "7", "[]", '"x"', "{}", "[" * 100_000, "NaN"])
def test_description_that_is_not_one(path, text):
    with_architecture(path, text)
    refused(path, "does not describe its architecture")


@pytest.mark.parametrize("key", GOOD)
def test_incomplete_description(path, key):
    with_architecture(path, json.dumps({k: v for k, v in GOOD.items() if k != key}))
    refused(path, key)


HUGE = 10**12
BROKEN = {
    "widths": [[4], [], "45", [4, -5], [4, 0], [4, 5.5], [4, "5"], [4, [5]], [4, float("inf")]],
    "depths": [[2, 0], [-1, 4], [3, 0], [3 - HUGE, HUGE], [HUGE, 1], [1e300, 1], None, {"2": 1}],
    "pooling": ["mean", ["average"], None],
    "padding": ["same", 3, {}],
    "mean": [[0.5, 0.5], [0.5] * 4, "123", [0, 0, 10**400], [0, 0, None]],
    "std": [[0.2], [], [0.2] * 4, "123"],
    "readouts": [None, [], *({name: 3} for name in ("relu9_1", "", "a.b")), {"relu1_1": -3}],
    "readouts_rectified": ["no", None, 2],
    "further": [1],
}


@pytest.mark.parametrize(
    ("key", "value"), [(key, value) for key, values in BROKEN.items() for value in values]
)
def test_invalid_description(path, key, value):
    with_architecture(path, json.dumps({**GOOD, key: value}))
    refused(path, "does not describe its architecture")


@pytest.mark.parametrize(
    ("key", "values"),
    [
        ("std", [[0.2, 0, 0.2], [1, -1, 1], [1e-60, 1, 1]]),
        ("mean", [[0, 1e60, 0], [float("nan"), 0, 0], [0, 0, float("inf")]]),
    ],
)
def test_invalid_means_and_deviations(path, key, values):
    for value in values:
        with_architecture(path, json.dumps({**GOOD, key: value}))
        refused(path, "cannot be those of pictures")


@pytest.mark.parametrize(
    ("key", "value"),
    [("widths", [4_000_000, 5_000_000]), ("widths", [4, 10**30]), ("readouts", {"pool1": 10**9})],
)
def test_small_file_cannot_allocate_much(path, key, value, monkeypatch):
    with_architecture(path, json.dumps({**GOOD, key: value}))
    monkeypatch.setattr(files, "Encoder", lambda _: pytest.fail("it is built"))
    refused(path, "architecture")


anything = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=8),
    lambda inner: (
        st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=8), inner, max_size=2)
    ),
    max_leaves=5,
)


@pytest.mark.slow
@settings(max_examples=60, deadline=None)
@given(changes=st.dictionaries(st.sampled_from(sorted(GOOD)), anything, min_size=1, max_size=2))
def test_any_other_description_works_or_is_an_error(tmp_path_factory, changes):
    path = tmp_path_factory.getbasetemp() / "any.safetensors"
    with_architecture(path, json.dumps({**GOOD, **changes}))
    try:
        loaded = load_encoder(path)
    except WeightsError:
        return
    for name, feature in loaded(picture(), loaded.layers).items():
        assert feature.shape[1] == loaded.channels(name)


# --- The compressed VGG-19 of collaborative distillation --------------------------------------

COMPRESSED = {"11": 4, "12": 4, "21": 5, "22": 5, "31": 6, "32": 6, "33": 6, "34": 6, "41": 7}
AUX = {"11": 8, "21": 9, "31": 10, "41": 11}


def compressed(depth=9):
    """The tensors of such a file, narrow."""
    random = torch.Generator().manual_seed(1)

    def convolution(name, channels_out, channels_in, size):
        shape = (channels_out, channels_in, size, size)
        return {
            f"{name}.weight": torch.randn(shape, generator=random) / (channels_in * size) ** 0.5,
            f"{name}.bias": torch.randn(channels_out, generator=random),
        }

    state, channels = convolution("conv0", 3, 3, 1), 3
    for name, width in list(COMPRESSED.items())[:depth]:
        state |= convolution(f"conv{name}", width, channels, 3)
        if name in AUX:
            state |= convolution(f"conv{name}_aux", AUX[name], width, 1)
        channels = width
    return state


def compressed_forward(state, image):
    """Its layers as the authors' code runs them: conv0, then pad, convolve, rectify; aux apart."""

    def run(name, x):
        return F.conv2d(x, state[f"{name}.weight"], state[f"{name}.bias"])

    features, x, block = {}, run("conv0", image), "1"
    for name in COMPRESSED:
        if name[0] != block:
            x, block = F.max_pool2d(x, 2), name[0]
        x = F.relu(run(f"conv{name}", F.pad(x, (1, 1, 1, 1), mode="reflect")))
        features[f"relu{name[0]}_{name[1]}"] = (
            F.relu(run(f"conv{name}_aux", x)) if name in AUX else x
        )
    return features


def test_compressed_vgg19_is_recognized_by_its_keys(path):
    state = compressed()
    save_file(state, path)
    loaded = load_encoder(path)
    image = torch.rand(2, 3, 32, 40, generator=torch.Generator().manual_seed(0))
    expected = compressed_forward(state, image)
    features = loaded(image, expected)
    assert list(features) == list(expected)
    for name, value in expected.items():
        torch.testing.assert_close(features[name].contiguous(), value, rtol=1e-4, atol=1e-4)
    assert loaded.channels("relu4_1") == 11
    assert not any(weight.requires_grad for weight in loaded.parameters())


@pytest.mark.parametrize("depth", [1, 3, 8])
def test_shallower_compressed_vgg19(path, depth):
    save_file(compressed(depth), path)
    deepest = list(COMPRESSED)[depth - 1]
    assert load_encoder(path).layers[-2] == f"relu{deepest[0]}_{deepest[1]}"


SHAPES = [(), (0,), (1,), (6, 2, 3, 3), (3, 3, 3, 3)]
NO_NUMBERS = [torch.full((3,), float("nan")), torch.ones(5, dtype=torch.int8)]
MISFITS = [None, *map(torch.zeros, SHAPES), *NO_NUMBERS]
KEYS = ("conv0.weight", "conv0.bias", "conv12.weight", "conv21.bias", "conv31_aux.bias")


@pytest.mark.parametrize("key", [*KEYS, "conv11.weight", "conv22.weight", "conv41_aux.weight"])
@pytest.mark.parametrize("value", MISFITS, ids=range(len(MISFITS)))
def test_damaged_compressed_vgg19(path, key, value):
    state = {**compressed(), key: value}
    save_file({key: value for key, value in state.items() if value is not None}, path)
    refused(path)


# --- By name or path --------------------------------------------------------------------------


@pytest.mark.parametrize("pooling", ["own", "max", "average"])
def test_an_encoder_is_opened_by_its_path(path, pooling):
    saved(path)
    opened = open_encoder(path, pooling)
    assert opened.architecture.pooling == ("average" if pooling == "own" else pooling)
    assert not opened.training
    assert not any(weight.requires_grad for weight in opened.parameters())


def test_an_unknown_encoder_or_pooling_lists_the_known(path):
    with pytest.raises(OptionError, match=r"Unknown encoder 'vgg18'.*vgg19.*FILE\.safetensors"):
        open_encoder("vgg18")
    saved(path)
    with pytest.raises(OptionError, match="max, average"):
        open_encoder(path, "mean")
