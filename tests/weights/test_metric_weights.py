"""Weights of learned metrics, and the metrics available with them."""

import dataclasses
import hashlib
import re

import pytest
import torch

from helpers.file_server import serving
from helpers.learned_nets import LEARNED, published_linear
from helpers.tiny_weights import pickled
from impasto.cli.main import run
from impasto.errors import OptionError, WeightsError
from impasto.metrics.registry import METRICS, SET_METRICS, available_metrics, resolve_metrics
from impasto.weights import store
from impasto.weights.records import WEIGHTS

# --- Weights --------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", LEARNED)
def test_every_record_can_be_checked(name):
    record = WEIGHTS[name]
    assert len(record.sha256) == 64
    assert record.source == "download"
    assert record.kind == ("encoder" if name == "vgg16" else "metric")
    digits = re.search(r"-([0-9a-f]{8})\.pth$", record.urls[0])
    assert digits is None or record.sha256.startswith(digits[1])


def test_linear_weights_are_downloaded_checked_and_stored(empty, monkeypatch, capsys):
    state = published_linear("lpips-vgg16")
    with serving(pickled(state)) as server:
        digest = hashlib.sha256(server.body).hexdigest()
        record = dataclasses.replace(
            WEIGHTS["lpips-vgg16"], urls=(server.url,), sha256=digest, bytes=len(server.body)
        )
        monkeypatch.setitem(WEIGHTS, "lpips-vgg16", record)
        assert run(["models", "fetch", "lpips-vgg16"]) == 0
        assert run(["models", "verify", "lpips-vgg16"]) == 0
        kept = store.load_tensors("lpips-vgg16")
        assert len(server.ranges) == 1
    assert list(kept) == [f"layer{i}" for i in range(5)]
    for actual, expected in zip(kept.values(), state.values(), strict=True):
        assert torch.equal(actual, expected)
    path = store.locate("lpips-vgg16")
    content = bytearray(path.read_bytes())
    content[-1] ^= 1
    path.write_bytes(content)
    assert run(["models", "verify", "lpips-vgg16"]) == 1
    assert "models fetch lpips-vgg16" in capsys.readouterr().out


@pytest.mark.parametrize(
    ("name", "change", "message"),
    [
        ("lpips-vgg16", {"lin4.model.1.weight": None}, "it is not a set of linear LPIPS weights"),
        ("lpips-vgg16", {"lin0.model.1.weight": torch.ones(1, 9, 1, 1)}, r"expected \(1, 64, 1"),
        ("alexnet", {"features.0.bias": torch.full((64,), torch.inf)}, "not finite"),
        (
            "art-inception",
            {"Mixed_7c.branch_pool.bn.bias": None},
            "it is not torchvision's Inception-v3",
        ),
    ],
)
def test_another_file_is_an_error(name, change, message, published, tmp_path, monkeypatch):
    monkeypatch.setenv("IMPASTO_CACHE", str(tmp_path / "cache"))
    state = {k: v for k, v in {**published[name], **change}.items() if v is not None}
    file = tmp_path / "other.pth"
    file.write_bytes(pickled(state))
    digest = hashlib.sha256(file.read_bytes()).hexdigest()
    record = dataclasses.replace(WEIGHTS[name], sha256=digest)
    with pytest.raises(WeightsError, match=message):
        store.add(record, file)
    assert store.locate(record) is None


def test_a_stored_file_can_be_added_elsewhere(kept, tmp_path, monkeypatch):
    file = store.locate("lpips-vgg16")
    monkeypatch.setenv("IMPASTO_CACHE", str(tmp_path))
    assert store.add("lpips-vgg16", file).read_bytes() == file.read_bytes()
    assert store.verify("lpips-vgg16").state == "good"
    with pytest.raises(WeightsError, match="was not made by Impasto"):
        store.add("lpips-alexnet", file)


# --- Which metrics there are ----------------------------------------------------------------------


def test_available_metrics(kept, tmp_path, monkeypatch):
    assert available_metrics() == [*METRICS, *SET_METRICS]
    monkeypatch.setenv("IMPASTO_CACHE", str(tmp_path))
    assert available_metrics() == [name for name, metric in METRICS.items() if metric.open is None]
    for name in ("vgg16", "lpips-vgg16", "art-inception"):
        (tmp_path / f"{name}.safetensors").touch()
    assert [n for n in available_metrics() if n in ("lpips", "lpips-alexnet", *SET_METRICS)] == [
        "lpips", "fid"
    ]  # fmt: skip


def test_sets_name_their_metrics():
    assert resolve_metrics(["fid", "tv", "tv"]) == (["tv"], ["fid"])
    assert resolve_metrics(["artfid"]) == (["lpips-alexnet"], ["artfid"])
    with pytest.raises(OptionError, match="Did you mean 'lpips'"):
        resolve_metrics(["lpip"])
