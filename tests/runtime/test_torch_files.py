"""Files of ``torch.save`` that were tampered with take no more memory than their size."""

import io
import struct
import zipfile

import pytest
import torch

from impasto.errors import InputDataError
from impasto.runtime import torch_files
from impasto.runtime.torch_files import load_torch, save_torch

BROKEN = "The checkpoint is broken."
STATE = {"picture": torch.arange(6.0), "step": 3, "more": [torch.ones(2, 3)]}


@pytest.fixture
def path(tmp_path):
    save_torch(STATE, tmp_path / "state.pt")
    return tmp_path / "state.pt"


def refused(path, monkeypatch, *, unread=True):
    """It is told as broken; torch does not even read it."""
    if unread:
        monkeypatch.setattr(torch_files.torch, "load", lambda *_, **__: pytest.fail("it was read"))
    with pytest.raises(InputDataError, match=BROKEN):
        load_torch(path, lambda value: value, broken=BROKEN)


def rewritten(path, compression):
    """The same archive with twelve megabytes of zeros as the first tensor's numbers."""
    stream = io.BytesIO()
    with zipfile.ZipFile(path) as old, zipfile.ZipFile(stream, "w", compression) as new:
        for entry in old.infolist():
            is_data = entry.filename.endswith("data/0")
            new.writestr(entry.filename, bytes(12 << 20) if is_data else old.read(entry))
    path.write_bytes(stream.getvalue())


def test_what_is_written_is_read(path):
    value = load_torch(path, lambda value: value, broken=BROKEN)
    assert value["step"] == 3
    assert value["picture"].equal(STATE["picture"])
    assert value["more"][0].equal(STATE["more"][0])


def test_a_compressed_archive_is_refused(path, monkeypatch):
    rewritten(path, zipfile.ZIP_DEFLATED)
    assert path.stat().st_size < 1 << 16
    refused(path, monkeypatch)


def test_entries_that_share_their_bytes_are_refused(path, monkeypatch):
    """The central directory names the same data many times."""
    save_torch({"picture": torch.ones(100_000)}, path)
    data = path.read_bytes()
    end = data.rindex(b"PK\5\6")
    count, size, start = struct.unpack("<HII", data[end + 10 : end + 20])
    listed = data[start : start + size] * 50
    tail = data[end : end + 8]
    tail += struct.pack("<HHIIH", count * 50, count * 50, len(listed), start, 0)
    path.write_bytes(data[:start] + listed + tail)
    refused(path, monkeypatch)


def test_sizes_that_lie_in_zip64_are_refused(tmp_path, monkeypatch):
    path = tmp_path / "zip64.pt"
    extra = struct.pack("<HHQQ", 1, 16, 1 << 45, 1 << 45)  # sizes of 32 TB
    name = b"archive/data.pkl"
    local = struct.pack("<4s5H3I2H", b"PK\3\4", 45, 0, 0, 0, 0, 0, 2**32 - 1, 2**32 - 1,
                        len(name), len(extra)) + name + extra  # fmt: skip
    central = struct.pack("<4s6H3I5H2I", b"PK\1\2", 45, 45, 0, 0, 0, 0, 0, 2**32 - 1, 2**32 - 1,
                          len(name), len(extra), 0, 0, 0, 0, 0) + name + extra  # fmt: skip
    end = struct.pack("<4s4H2IH", b"PK\5\6", 0, 0, 1, 1, len(central), len(local), 0)
    path.write_bytes(local + central + end)
    refused(path, monkeypatch)


def test_a_tensor_that_repeats_its_numbers_is_refused(tmp_path, monkeypatch):
    path = tmp_path / "wide.pt"
    save_torch({"picture": torch.ones(1).expand(1 << 40)}, path)
    assert path.stat().st_size < 1 << 16
    refused(path, monkeypatch, unread=False)


@pytest.mark.parametrize("content", [b"", b"PK", b"\x80\x02}q\x00.", bytes(1000)])
def test_what_is_no_archive_is_refused(tmp_path, monkeypatch, content):
    path = tmp_path / "other.pt"
    path.write_bytes(content)
    refused(path, monkeypatch)


def test_a_file_cut_short_anywhere_is_refused(path, monkeypatch):
    data = path.read_bytes()
    for length in range(0, len(data) - 1, 97):
        path.write_bytes(data[:length])
        refused(path, monkeypatch, unread=False)
