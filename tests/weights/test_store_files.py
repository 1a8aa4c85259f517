"""Local weights: added by hand, verified, or built in."""

from __future__ import annotations

import dataclasses
import hashlib
from pathlib import Path

import pytest

from helpers.file_server import FileServer
from helpers.tiny_weights import Record, flip, kept_files, pickled, published_state
from impasto.errors import WeightsError
from impasto.weights import store
from impasto.weights.records import WeightRecord

pytestmark = pytest.mark.usefixtures("cache")


# Adding by hand


def test_the_published_file_can_be_added(
    record: Record, server: FileServer, tmp_path: Path
) -> None:
    file = tmp_path / "tiny.pth"
    file.write_bytes(server.body)
    assert store.add(record(), file) == store.locate(record())
    assert store.verify(record()).state == "good"
    assert file.read_bytes() == server.body
    assert server.ranges == []


def test_a_cached_file_can_be_added_elsewhere(
    record: Record, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    file = store.fetch(record())
    monkeypatch.setenv("IMPASTO_CACHE", str(tmp_path / "another cache"))
    assert store.add(record(), file).read_bytes() == file.read_bytes()
    assert store.verify(record()).state == "good"


def test_another_published_file_is_an_error(record: Record, cache: Path, tmp_path: Path) -> None:
    file = tmp_path / "tiny.pth"
    file.write_bytes(pickled(published_state()) + b" ")
    with pytest.raises(WeightsError, match="is not the file of 'tiny'"):
        store.add(record(), file)
    assert file.exists()
    assert kept_files(cache) == []


@pytest.mark.parametrize("change", [{"name": "other"}, {"sha256": "0" * 64}])
def test_another_cached_file_is_an_error(record: Record, change: dict[str, str]) -> None:
    file = store.fetch(record())
    with pytest.raises(WeightsError, match="was not made by Impasto from the published"):
        store.add(record(**change), file)


@pytest.mark.parametrize("name", ["garbage.safetensors", "garbage.pth"])
def test_garbage_is_an_error(record: Record, tmp_path: Path, name: str) -> None:
    (tmp_path / name).write_bytes(b"garbage" * 100)
    with pytest.raises(WeightsError, match=name):
        store.add(record(), tmp_path / name)


@pytest.mark.parametrize("name", ["nothing.safetensors", "nothing.pth", "."])
def test_a_path_that_is_not_a_file_is_an_error(record: Record, tmp_path: Path, name: str) -> None:
    with pytest.raises(WeightsError, match=str(tmp_path)):
        store.add(record(), tmp_path / name)


# Verifying


def test_a_missing_file_is_missing(record: Record) -> None:
    assert store.verify(record()) == store.Status("missing")


@pytest.mark.parametrize("spot", [b"max", b"zeros", b"0.485", b"widths", b"F32", b"\x00\x00"])
def test_a_changed_header_is_broken(record: Record, spot: bytes) -> None:
    path = store.fetch(record())
    flip(path, path.read_bytes().index(spot))
    assert store.verify(record()).state == "broken"


@pytest.mark.parametrize("position", [-1, -2, -100, -1000])
def test_a_changed_value_is_broken(record: Record, position: int) -> None:
    path = store.fetch(record())
    flip(path, position)
    status = store.verify(record())
    assert status.state == "broken"
    assert "impasto models fetch tiny" in status.reason


def test_a_truncated_file_is_broken(record: Record) -> None:
    path = store.fetch(record())
    path.write_bytes(path.read_bytes()[:-10])
    assert store.verify(record()).state == "broken"


# Built in


def test_built_in_weights_exist(built_in: WeightRecord, tmp_path: Path) -> None:
    path = tmp_path / "inside.safetensors"
    assert store.locate(built_in) == store.ensure(built_in) == store.fetch(built_in) == path
    assert store.verify(built_in).state == "good"
    digest = hashlib.sha256(path.read_bytes()).hexdigest()
    assert store.verify(dataclasses.replace(built_in, sha256=digest)).state == "good"
    assert store.verify(dataclasses.replace(built_in, sha256="0" * 8)).state == "broken"
    with pytest.raises(WeightsError, match="built in"):
        store.add(built_in, path)


def test_missing_built_in_weight(built_in: WeightRecord, tmp_path: Path) -> None:
    (tmp_path / "inside.safetensors").unlink()
    assert store.verify(built_in).state == "missing"
    with pytest.raises(WeightsError, match="install Impasto again"):
        store.ensure(built_in)
