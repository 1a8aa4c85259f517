"""One-pass models by name: what is built in, what was added, and what is just a file."""

from __future__ import annotations

from pathlib import Path

import pytest
import torch

import impasto
from helpers.random_inputs import random_encoder, smooth_picture
from helpers.sentences import sentence
from helpers.tiny_networks import ENCODER, any_style, fixed_styles
from impasto.encoders.files import save_encoder
from impasto.errors import OptionError, WeightsError
from impasto.networks import catalogue
from impasto.networks.catalogue import add_network, networks, open_network
from impasto.networks.files import save_network
from impasto.onepass.stylist import Stylist
from impasto.runtime.safetensors import read_safetensors
from impasto.weights import store
from impasto.weights.records import WEIGHTS, WeightRecord


@pytest.fixture(autouse=True)
def cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("IMPASTO_CACHE", str(tmp_path / "cache"))
    return tmp_path / "cache"


@pytest.fixture
def file(tmp_path: Path) -> Path:
    path = tmp_path / "trained.safetensors"
    save_network(path, fixed_styles("johnson", "wave", "rain"), dtype=torch.float32)
    return path


def added(cache: Path) -> dict[str, Path]:
    return {name: path for name, path in networks().items() if path.is_relative_to(cache)}


def test_what_is_added_is_opened_by_its_name(file, cache):
    kept = add_network("ours", file)
    assert kept == cache / "networks" / "ours.safetensors"
    assert kept.read_bytes() == file.read_bytes()
    file.unlink()
    assert list(open_network("ours").styles) == ["wave", "rain"]
    assert added(cache) == {"ours": kept}


def test_the_cache_is_where_the_variable_says(file, cache, monkeypatch):
    add_network("ours", file)
    monkeypatch.setenv("IMPASTO_CACHE", str(cache / "elsewhere"))
    assert added(cache) == {}
    with pytest.raises(OptionError, match="Unknown model 'ours'"):
        open_network("ours")


def test_a_file_is_opened_by_its_path(file):
    assert list(open_network(file).styles) == ["wave", "rain"]
    assert list(open_network(str(file)).styles) == ["wave", "rain"]
    with pytest.raises(WeightsError, match="There is no weight file"):
        open_network(file.with_name("absent.safetensors"))


def test_another_model_may_take_an_added_ones_place(file, cache):
    kept = add_network("ours", file)
    save_network(file, fixed_styles("paint", "hatching"), dtype=torch.float32)
    before = kept.read_bytes()
    message = sentence(OptionError, add_network, "ours", file)
    assert message == (
        "There is a model ours already: choose another name, or replace it with overwrite."
    )
    assert kept.read_bytes() == before
    add_network("ours", file, overwrite=True)
    assert list(open_network("ours").styles) == ["hatching"]
    assert list((cache / "networks").iterdir()) == [cache / "networks" / "ours.safetensors"]


def test_names_that_differ_by_capitals_are_one_file_on_some_disks(file, cache):
    add_network("ours", file)
    for overwrite in (False, True):
        message = sentence(OptionError, add_network, "Ours", file, overwrite=overwrite)
        assert message == "There is a model ours already: choose another name."
    assert [path.name for path in (cache / "networks").iterdir()] == ["ours.safetensors"]


def test_an_added_model_can_be_added_once_more(file):
    kept = add_network("ours", file)
    assert add_network("ours", kept) == kept
    assert open_network(add_network("copy", kept)).styles.keys() == {"wave", "rain"}


@pytest.mark.parametrize("kind", ["paint", "adain"])
def test_an_encoder_that_is_a_file_is_kept_with_the_model(kind, tmp_path, cache, monkeypatch):
    """So that the model paints when both are gone, and when the cache is elsewhere."""
    monkeypatch.chdir(tmp_path)
    encoder = random_encoder(ENCODER)
    save_encoder("tiny.safetensors", encoder, dtype=torch.float32)
    made = any_style(kind, encoder)
    made.encoder, made.card = "tiny.safetensors", {"licence": "MIT"}
    save_network("m.safetensors", made, dtype=torch.float16)
    stored, _ = read_safetensors(Path("m.safetensors"))
    kept = add_network("ours", "m.safetensors")
    again = add_network("copy", kept)
    for path in (kept, again):
        copy, _ = read_safetensors(path)
        assert all(torch.equal(copy[key], value) for key, value in stored.items())
        assert {value.dtype for value in copy.values()} == {v.dtype for v in stored.values()}
    for name in ("tiny.safetensors", "m.safetensors"):
        Path(name).unlink()
    cache.rename(tmp_path / "elsewhere")
    monkeypatch.setenv("IMPASTO_CACHE", str(tmp_path / "elsewhere"))
    picture = smooth_picture(64, 64, seed=1)
    expected = Stylist(made, encoder=encoder, precision="float32").read_style(picture)
    for name in ("ours", "copy"):
        model = open_network(name)
        assert model.card == {"licence": "MIT"}
        found = Stylist(model, precision="float32").read_style(picture)
        torch.testing.assert_close(found, expected, rtol=1e-2, atol=1e-2)
    assert [*networks()][:2] == ["copy", "ours"]


def test_models_are_listed_by_name(file, cache):
    for name in ("zebra", "Ärger", "a.b-c_2"):
        add_network(name, file)
    (cache / "networks" / "notes.txt").touch()
    (cache / "networks" / ".d1f6.safetensors").touch()  # one that is being written
    assert list(added(cache)) == sorted(["zebra", "Ärger", "a.b-c_2"])


def test_without_any_added_the_built_in_ones_are_there(cache):
    records = [name for name, record in WEIGHTS.items() if record.kind == "network"]
    assert list(networks()) == records
    assert not cache.exists()


def test_a_built_in_model_goes_before_an_added_one(file, tmp_path, monkeypatch):
    """One that was added before a release took its name."""
    add_network("strokes", file)
    save_network(
        tmp_path / "strokes.safetensors", fixed_styles("paint", "oil"), dtype=torch.float32
    )
    record = WeightRecord("strokes", "network", (), "", 0, "MIT", "", "")
    monkeypatch.setitem(store.WEIGHTS, "strokes", record)
    monkeypatch.setattr(catalogue, "EMBEDDED", tmp_path)
    assert list(open_network("strokes").styles) == ["oil"]
    with pytest.raises(OptionError, match="The name strokes is taken by what is built in"):
        add_network("strokes", file)


@pytest.mark.parametrize("name", sorted(WEIGHTS))
def test_taken_names(name, file):
    with pytest.raises(OptionError, match=f"The name {name} is taken by what is built in"):
        add_network(name, file)


@pytest.mark.parametrize(
    "name", ["", ".", "..", ".hidden", "a/b", "../up", "a\\b", "a b", "a\n", "a:b", "x" * 65, "*"]
)
def test_names_that_no_file_should_have(name, file, cache):
    with pytest.raises(OptionError, match="A model's name is of letters, digits, dots and dashes"):
        add_network(name, file)
    assert not cache.exists()


def test_only_a_one_pass_model_is_added(tmp_path, cache):
    encoder = tmp_path / "encoder.safetensors"
    save_encoder(encoder, random_encoder(ENCODER), dtype=torch.float32)
    (tmp_path / "junk.safetensors").write_bytes(b"junk")
    for name in ("encoder", "junk", "absent"):
        with pytest.raises(WeightsError, match=f"{name}.safetensors"):
            add_network("ours", tmp_path / f"{name}.safetensors")
    assert not cache.exists()


def test_an_unknown_name_lists_the_known_ones(file):
    add_network("strokes", file)
    message = r"choose one of strokes, .*FILE\.safetensors\. Did you mean 'strokes'\?"
    with pytest.raises(OptionError, match=message):
        open_network("stroke")


def test_an_encoders_name_is_no_models():
    with pytest.raises(OptionError, match="Unknown model 'compact'"):
        open_network("compact")


def test_named_styles_are_listed_by_model(file):
    add_network("mine", file)
    listed = impasto.named_styles()
    assert listed["mine"] == ["wave", "rain"]
    assert "starry-night" in listed["multi"]
    assert "any" not in listed
    assert impasto.open_network("mine").style_names == listed["mine"]
