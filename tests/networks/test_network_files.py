"""One-pass models in files: what is saved is loaded again, and broken files are refused."""

from __future__ import annotations

import pickle
import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest
import torch
from safetensors.torch import save_file
from torch import Tensor

from helpers.random_inputs import random_encoder, smooth_picture
from helpers.tiny_networks import ENCODER, any_style, fixed_styles, vectors
from impasto.encoders.files import save_encoder
from impasto.errors import OptionError, WeightsError
from impasto.networks.files import load_network, save_network
from impasto.networks.johnson import JohnsonNetwork
from impasto.networks.model import OnePassModel, new_model, parameter_count
from impasto.networks.paint_network import PaintNetwork
from impasto.onepass.stylist import Stylist
from impasto.runtime.safetensors import read_safetensors

KINDS = ["paint", "recolour-noise", "johnson", "johnson-batch", "adain"]
CARD = {"licence": "MIT", "data": "wäves", "steps": "12"}


@pytest.fixture(scope="module")
def encoder_file(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("encoder") / "tiny.safetensors"
    save_encoder(path, random_encoder(ENCODER), dtype=torch.float32)
    return path


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "model.safetensors"


def model(kind: str, encoder_file: Path) -> OnePassModel:
    """A model with a predictor, styles and a card."""
    made = any_style(kind, random_encoder(ENCODER))
    made.encoder = str(encoder_file)
    rows = vectors(2, made.network.style_size)
    made.styles = {"große Welle": rows[0], "b/../c": rows[1]}
    made.card = dict(CARD)
    return made


def paint(model: OnePassModel) -> Tensor:
    vector = next(iter(model.styles.values()))
    with torch.no_grad():
        return model.network(smooth_picture(33, 50, seed=1), vector[None])


def states(made: OnePassModel) -> Iterator[tuple[str, Tensor]]:
    for module in (made.network, made.predictor):
        if module is not None:
            yield from module.state_dict().items()
    yield from made.styles.items()


# --- Saved and loaded -------------------------------------------------------------------------


@pytest.mark.parametrize("kind", KINDS)
def test_float32_files_are_exact(kind, path, encoder_file):
    before = model(kind, encoder_file)
    save_network(path, before, dtype=torch.float32)
    after = load_network(path)
    assert type(after.network) is type(before.network)
    assert type(after.predictor) is type(before.predictor)
    assert (after.encoder, after.card, list(after.styles)) == (
        before.encoder, CARD, list(before.styles)
    )  # fmt: skip
    for (key, found), (other, expected) in zip(states(after), states(before), strict=True):
        assert key == other
        assert torch.equal(found, expected), key
    assert torch.equal(paint(after), paint(before))


@pytest.mark.parametrize("kind", KINDS)
def test_float16_files_are_half_as_large_and_paint_nearly_the_same(kind, path, encoder_file):
    before = model(kind, encoder_file)
    sizes = []
    for dtype in (torch.float32, torch.float16):
        save_network(path, before, dtype=dtype)
        sizes.append(sum(v.numel() * v.element_size() for v in read_safetensors(path)[0].values()))
    after = load_network(path)
    assert 0.45 < sizes[1] / sizes[0] < 0.6
    assert after.network.dtype == torch.float32
    assert float((paint(after) - paint(before)).abs().max()) < 0.01
    assert not torch.equal(paint(after), paint(before))


def test_buffers_are_not_rounded(path, encoder_file):
    """A variance is a mean square less a squared mean: in float16 it would be negative at once."""
    before = model("johnson-batch", encoder_file)
    for _, kept in before.network.named_buffers():
        kept.copy_(torch.stack([torch.full_like(kept[0], 300.0), kept.new_tensor(90_000.5)
                                .expand_as(kept[0])]))  # fmt: skip
    before.predictor.spread.fill_(1e-7 / 3)
    save_network(path, before, dtype=torch.float16)
    after = load_network(path)
    for module, other in ((before.network, after.network), (before.predictor, after.predictor)):
        for (key, expected), (_, found) in zip(
            module.named_buffers(), other.named_buffers(), strict=True
        ):
            assert torch.equal(expected, found), key


def test_a_loaded_model_is_frozen_and_channels_last(path, encoder_file):
    save_network(path, model("paint", encoder_file), dtype=torch.float16)
    loaded = load_network(str(path))
    for module in (loaded.network, loaded.predictor):
        assert not module.training
        assert not any(weight.requires_grad for weight in module.parameters())
    weight = loaded.network.convolutions["fine"].weight
    assert weight.is_contiguous(memory_format=torch.channels_last)


def test_fixed_styles_need_no_predictor(path):
    save_network(path, fixed_styles("johnson", "wave", "rain"), dtype=torch.float32)
    loaded = load_network(path)
    assert loaded.predictor is None
    assert list(loaded.styles) == ["wave", "rain"]


# --- An encoder that is a file ----------------------------------------------------------------


@pytest.mark.parametrize("kind", ["paint", "adain"])
@pytest.mark.parametrize("written", ["absolute", "from the model", "from the working folder"])
def test_an_encoder_is_found(kind, written, tmp_path, monkeypatch, encoder_file):
    """Where the description says, or next to the model."""
    home, other = tmp_path / "home", tmp_path / "other"
    names = {
        "absolute": str(home / "sub" / "e.safetensors"),
        "from the model": "sub/e.safetensors",
        "from the working folder": "home/sub/e.safetensors",  # as in older models
    }
    (home / "sub").mkdir(parents=True)
    other.mkdir()
    monkeypatch.chdir(tmp_path)
    shutil.copy(encoder_file, home / "sub" / "e.safetensors")
    made = model(kind, encoder_file)
    made.encoder = names[written]
    save_network(home / "m.safetensors", made, dtype=torch.float32)
    assert load_network(home / "m.safetensors").encoder == str(home / "sub" / "e.safetensors")
    (home / "sub" / "e.safetensors").rename(other / "e.safetensors")
    (home / "m.safetensors").rename(other / "m.safetensors")
    found = load_network(other / "m.safetensors")
    assert found.encoder == str(other / "e.safetensors")
    assert torch.equal(paint(found), paint(load_network("other/m.safetensors")))
    stylist = Stylist(found, precision="float32")
    assert torch.isfinite(stylist.read_style(smooth_picture(64, 64, seed=1))).all()


@pytest.mark.parametrize("kind", ["paint", "adain"])
def test_a_missing_encoder_is_one_sentence(kind, path, encoder_file):
    made = model(kind, encoder_file)
    made.encoder = "gone/e\n.safetensors"
    save_network(path, made, dtype=torch.float32)
    with pytest.raises(WeightsError) as caught:
        load_network(path)
    assert str(caught.value) == (
        rf"{path} needs its encoder 'gone/e\n.safetensors', which does not exist: put it "
        r"back, or put a copy called 'e\n.safetensors' next to the model."
    )


def test_fixed_styles_do_not_need_the_encoder_they_were_trained_with(path):
    made = fixed_styles("paint", "wave")
    made.encoder = "/gone/e.safetensors"
    save_network(path, made, dtype=torch.float32)
    assert load_network(path).encoder == "/gone/e.safetensors"


def test_a_card_cannot_pose_as_the_description(path, encoder_file):
    made = model("paint", encoder_file)
    made.card = {"format": "other", "version": "7", "description": "{}", "licence": "MIT"}
    save_network(path, made, dtype=torch.float32)
    assert load_network(path).card == {"licence": "MIT"}


def test_where_it_cannot_be_written_is_one_sentence(tmp_path, encoder_file):
    with pytest.raises(WeightsError, match="is a folder"):
        save_network(tmp_path, model("paint", encoder_file), dtype=torch.float32)


def test_new_models(encoder_file):
    assert isinstance(new_model("paint", "compact").network, PaintNetwork)
    assert isinstance(new_model("johnson", "compact").network, JohnsonNetwork)
    adain = new_model("adain", str(encoder_file))
    assert adain.predictor.layers == ("relu4_1",)
    with pytest.raises(OptionError, match=r"'pain': choose one of paint, recolour, strokes,"):
        new_model("pain", "compact")


def test_parameters_are_counted_with_predictor_and_styles(encoder_file):
    made = model("paint", encoder_file)
    bare = OnePassModel(made.network)
    assert parameter_count(bare) == sum(p.numel() for p in made.network.parameters())
    more = sum(p.numel() for p in made.predictor.parameters()) + 2 * made.network.style_size
    assert parameter_count(made) == parameter_count(bare) + more


# --- Broken files -----------------------------------------------------------------------------


@pytest.fixture(scope="module")
def good(tmp_path_factory: pytest.TempPathFactory, encoder_file: Path) -> Path:
    path = tmp_path_factory.mktemp("good") / "paint.safetensors"
    save_network(path, model("paint", encoder_file), dtype=torch.float32)
    return path


def refused(path: Path, match: str | None = None) -> None:
    with pytest.raises(WeightsError, match=match) as caught:
        load_network(path)
    assert str(path) in str(caught.value)
    assert "\n" not in str(caught.value)


def test_a_missing_file_and_a_folder(path, tmp_path):
    refused(path, "There is no weight file")
    refused(tmp_path, "There is no weight file")


@pytest.mark.parametrize("content", [b"", b"\0" * 8, b"PK\3\4", b"\xff" * 400, b"{}"])
def test_a_file_that_is_not_safetensors(path, content):
    path.write_bytes(content)
    refused(path, "not a readable safetensors file")


def test_a_pickle_is_not_run(path, tmp_path):
    class Bomb:
        def __reduce__(self):
            return Path.touch, (tmp_path / "exploded",)

    path.write_bytes(pickle.dumps(Bomb()))
    refused(path, "not a readable safetensors file")
    torch.save({"weights": Bomb()}, path)
    refused(path, "not a readable safetensors file")
    assert not (tmp_path / "exploded").exists()


def test_an_encoder_file_is_not_a_model(encoder_file):
    refused(encoder_file, "is no one-pass model of Impasto")


@pytest.mark.parametrize("version", [{"version": "2"}, {}])
def test_another_version(path, good, version):
    state, metadata = read_safetensors(good)
    rest = {key: value for key, value in metadata.items() if key != "version"}
    save_file(state, path, metadata=rest | version)
    refused(path, f"version {version.get('version')}; this Impasto reads version 1")


def test_a_truncated_file(path, good):
    content = good.read_bytes()
    for length in (len(content) - 1, len(content) // 2, 300, 9):
        path.write_bytes(content[:length])
        refused(path, "not a readable safetensors file")


CHANGES = {
    "lacks": (lambda state, key: state.pop(key), "missing or unexpected tensors"),
    "is over": (
        lambda state, key: state.update({key + "2": state[key].clone()}),
        "missing or unexpected tensors",
    ),
    "misfits": (lambda state, key: state.update({key: state[key][1:]}), "has shape"),
    "is transposed": (lambda state, key: state.update({key: state[key][None]}), "has shape"),
    "is not finite": (lambda state, key: state[key].view(-1)[-1:].fill_(torch.nan), "finite"),
    "is infinite": (lambda state, key: state[key].view(-1)[:1].fill_(-torch.inf), "finite"),
    "is too large": (lambda state, key: state.update({key: state[key].double() + 1e300}), "finite"),
    "is of integers": (
        lambda state, key: state.update({key: state[key].int()}),
        "finite floating-point numbers",
    ),
    "is complex": (
        lambda state, key: state.update({key: state[key] + 1j}),
        "finite floating-point numbers",
    ),
}


@pytest.mark.parametrize("change", CHANGES)
@pytest.mark.parametrize("key", ["network.convolutions.fine.weight", "predictor.centre", "styles"])
def test_a_tensor_that(change, key, path, good):
    state, metadata = read_safetensors(good)
    alter, message = CHANGES[change]
    alter(state, key)
    save_file(state, path, metadata=metadata)
    refused(path, message)
