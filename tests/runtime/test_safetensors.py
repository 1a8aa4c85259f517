"""Safetensors files: what is written is read, and what is broken is refused in a sentence."""

from __future__ import annotations

import json

import pytest
import torch
from safetensors.torch import save

from impasto.errors import WeightsError
from impasto.runtime.safetensors import (
    MOST_HEADER_BYTES,
    read_metadata,
    read_safetensors,
    write_safetensors,
)

STATE = {"a": torch.arange(6.0).reshape(2, 3), "b": torch.ones(2, dtype=torch.float16)}
METADATA = {"name": "été 絵", "licence": "MIT"}


def test_what_is_written_is_read(tmp_path):
    path = tmp_path / "file.safetensors"
    write_safetensors(path, STATE, METADATA)
    state, metadata = read_safetensors(path)
    assert metadata == read_metadata(path) == METADATA
    assert state.keys() == STATE.keys()
    assert all(torch.equal(state[key], STATE[key]) for key in STATE)
    assert all(state[key].dtype == STATE[key].dtype for key in STATE)


def test_a_file_that_is_shortened_afterwards_changes_nothing(tmp_path):
    """A mapped file would end the process with a bus error."""
    path = tmp_path / "file.safetensors"
    big = {"big": torch.ones(1 << 20)}
    write_safetensors(path, big, {})
    state, _ = read_safetensors(path)
    with path.open("r+b") as file:
        file.truncate(100)
    assert float(state["big"].sum()) == 1 << 20


def header(described: object, data: bytes = b"") -> bytes:
    text = json.dumps(described).encode()
    return len(text).to_bytes(8, "little") + text + data


BROKEN = {
    "empty": b"",
    "short": b"\1\0",
    "cut short": save(STATE, metadata=METADATA)[:-1],
    "cut in its header": save(STATE, metadata=METADATA)[:40],
    "too long": save(STATE, metadata=METADATA) + b"x",
    "not JSON": (5).to_bytes(8, "little") + b"{nope",
    "a list": header([1]),
    "a number": header(3),
    "a huge header": (1 << 63).to_bytes(8, "little") + b"{}",
    "a large header": (MOST_HEADER_BYTES + 1).to_bytes(8, "little") + b" " * 100,
    "deep": (200_000).to_bytes(8, "little") + b"[" * 200_000,
    "metadata that are no text": header({"__metadata__": {"a": 1}}),
    "metadata that are no object": header({"__metadata__": [1]}),
    "overlapping": header({n: {"dtype": "F32", "shape": [1], "data_offsets": [0, 4]} for n in "ab"},
                          bytes(4)),
    "a shape that overflows": header(
        {"a": {"dtype": "F32", "shape": [1 << 62, 1 << 62], "data_offsets": [0, 4]}}, bytes(4)
    ),
    "offsets beyond the end": header(
        {"a": {"dtype": "F32", "shape": [1 << 40], "data_offsets": [0, 1 << 42]}}, bytes(4)
    ),
    "an unknown type": header({"a": {"dtype": "X", "shape": [1], "data_offsets": [0, 4]}}),
}  # fmt: skip


@pytest.mark.parametrize("kind", BROKEN)
def test_a_broken_file_is_refused_in_a_sentence(kind, tmp_path):
    path = tmp_path / "file.safetensors"
    path.write_bytes(BROKEN[kind])
    with pytest.raises(WeightsError) as told:
        read_safetensors(path)
    assert str(told.value).startswith(f"{path} is not a readable safetensors file (")
    assert len(str(told.value)) < len(str(path)) + 320


def test_a_missing_file_and_a_folder_are_named(tmp_path):
    for path in (tmp_path, tmp_path / "missing.safetensors"):
        for read in (read_safetensors, read_metadata):
            with pytest.raises(WeightsError, match="There is no weight file"):
                read(path)
