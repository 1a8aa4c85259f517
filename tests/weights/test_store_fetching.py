"""Downloading weights: the tensors stored, and the files refused."""

from __future__ import annotations

import io
import os
import threading
from pathlib import Path
from typing import Any

import pytest
import torch

from helpers.file_server import FileServer, unused_url
from helpers.tiny_weights import SHAPES, Record, StateDict, kept_files, pickled, published_state
from impasto.encoders.files import load_encoder
from impasto.errors import WeightsError
from impasto.runtime.safetensors import read_safetensors
from impasto.weights import store

NAMES = {"features.0": "conv1_1", "features.2": "conv1_2", "features.5": "conv2_1"}

pytestmark = pytest.mark.usefixtures("cache")


# Fetching


@pytest.mark.parametrize("legacy", [False, True])
def test_only_the_used_tensors_are_stored(record: Record, cache: Path, legacy: bool) -> None:
    weight = record(pickled(published_state(), legacy=legacy))
    tensors, card = read_safetensors(store.fetch(weight))
    expected = {
        f"{NAMES[key]}.{part}": published_state()[f"{key}.{part}"]
        for key in SHAPES
        for part in ("weight", "bias")
    }
    assert tensors.keys() == expected.keys()
    assert all(torch.equal(tensors[key], value) for key, value in expected.items())
    assert card["name"] == "tiny"
    assert card["source"] == weight.urls[0]
    assert card["source_sha256"] == weight.sha256
    assert kept_files(cache) == ["tiny.safetensors"]


def test_the_stored_file_is_an_encoder(record: Record) -> None:
    encoder = load_encoder(store.fetch(record()))
    assert encoder.architecture.pooling == "max"
    assert encoder.architecture.padding == "zeros"
    state = published_state()
    image = torch.rand(1, 3, 8, 8, generator=torch.Generator().manual_seed(1))
    mean = torch.tensor([0.485, 0.456, 0.406]).view(1, 3, 1, 1)
    std = torch.tensor([0.229, 0.224, 0.225]).view(1, 3, 1, 1)
    expected = torch.nn.functional.conv2d(
        (image - mean) / std, state["features.0.weight"], state["features.0.bias"], padding=1
    )
    torch.testing.assert_close(encoder(image, ["conv1_1"])["conv1_1"], expected)


def test_half_precision_is_stored_as_float32(record: Record) -> None:
    state = {key: value.half() for key, value in published_state().items()}
    tensors, _ = read_safetensors(store.fetch(record(pickled(state))))
    assert {tensor.dtype for tensor in tensors.values()} == {torch.float32}


def test_a_local_file_is_not_downloaded_again(record: Record, server: FileServer) -> None:
    assert store.locate(record()) is None
    path = store.ensure(record())
    assert store.locate(record()) == store.ensure(record()) == store.fetch(record()) == path
    assert len(server.ranges) == 1


def test_force_downloads_again(record: Record, server: FileServer) -> None:
    store.fetch(record())
    store.fetch(record(), force=True)
    assert len(server.ranges) == 2


def test_a_damaged_copy_is_downloaded_again(record: Record) -> None:
    path = store.fetch(record())
    path.write_bytes(b"broken")
    assert store.fetch(record()) == path
    assert store.verify(record()).state == "good"


def test_progress_reaches_the_end(record: Record, server: FileServer) -> None:
    told: list[tuple[int, int]] = []
    store.ensure(record(), progress=lambda here, total: told.append((here, total)))
    assert told[-1] == (len(server.body), len(server.body))


def test_the_next_url_is_tried(record: Record, server: FileServer) -> None:
    store.fetch(record(urls=(unused_url(), server.url)))
    assert len(server.ranges) == 1


def test_without_a_network_the_error_explains_adding_by_hand(record: Record) -> None:
    url = unused_url()
    with pytest.raises(WeightsError) as caught:
        store.ensure(record(urls=(url,)))
    assert url in str(caught.value)
    assert "impasto models add tiny FILE" in str(caught.value)


def test_a_wrong_file_is_removed(record: Record, cache: Path) -> None:
    with pytest.raises(WeightsError, match="sent another file"):
        store.fetch(record(sha256="0" * 64))
    assert kept_files(cache) == []


def test_interrupted_conversion_needs_no_second_download(
    record: Record, server: FileServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    def interrupt(*_: object) -> None:
        raise KeyboardInterrupt

    with monkeypatch.context() as patch:
        patch.setattr(store, "_convert", interrupt)
        with pytest.raises(KeyboardInterrupt):
            store.fetch(record())
    store.fetch(record())
    assert len(server.ranges) == 1


def test_concurrent_downloads_wait(record: Record, server: FileServer) -> None:
    weight = record()
    paths: list[Path] = []
    threads = [threading.Thread(target=lambda: paths.append(store.fetch(weight))) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(paths) == 4
    assert len(server.ranges) == 1
    assert store.verify(weight).state == "good"


# What is refused


class Trap:
    """Makes a folder when it is unpickled."""

    def __init__(self, marker: Path) -> None:
        self.marker = marker

    def __reduce__(self) -> tuple[Any, ...]:
        return os.mkdir, (str(self.marker),)


@pytest.mark.parametrize("legacy", [False, True])
def test_code_in_a_pickle_is_not_run(
    record: Record, cache: Path, tmp_path: Path, legacy: bool
) -> None:
    marker = tmp_path / "trapped"
    body = pickled({**published_state(), "trap": Trap(marker)}, legacy=legacy)
    torch.load(io.BytesIO(body), weights_only=False)
    marker.rmdir()  # so it works, where it is run
    with pytest.raises(WeightsError, match="nothing in it was run"):
        store.fetch(record(body))
    assert not marker.exists()
    assert kept_files(cache) == []


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"features.5.weight": None}, "no float tensor 'features.5.weight'"),
        ({"features.2.bias": "a text"}, "no float tensor 'features.2.bias'"),
        ({"features.0.bias": torch.zeros(4, dtype=torch.int64)}, "no float tensor"),
        ({"features.2.weight": torch.zeros(4, 3, 3, 3)}, r"shape \(4, 3, 3, 3\), expected \(4, 4"),
        ({"features.5.bias": torch.zeros(())}, r"shape \(\), expected \(6,\)"),
        ({"features.0.weight": torch.full((4, 3, 3, 3), torch.nan)}, "not finite"),
    ],
)
def test_a_file_of_other_shapes_is_an_error(
    record: Record, cache: Path, change: StateDict, message: str
) -> None:
    state = {
        key: value for key, value in {**published_state(), **change}.items() if value is not None
    }
    with pytest.raises(WeightsError, match=message):
        store.fetch(record(pickled(state)))
    assert kept_files(cache) == []


@pytest.mark.parametrize("body", [pickled([1, 2]), pickled(torch.zeros(3)), b"", bytes(range(256))])
def test_a_file_without_a_dict_of_tensors_is_an_error(record: Record, body: bytes) -> None:
    with pytest.raises(WeightsError, match=r"must hold a dict of tensors|was refused"):
        store.fetch(record(body))
