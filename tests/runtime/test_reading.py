"""Files are read up to a limit, whatever they say of their size."""

from __future__ import annotations

import contextlib
import os
import threading

import pytest

from impasto.errors import ImageError
from impasto.runtime import reading
from impasto.runtime.reading import read_capped


@pytest.fixture
def small_limit(monkeypatch):
    monkeypatch.setattr(reading, "_SMALL", 1 << 16)
    monkeypatch.setattr(reading, "MOST_BYTES", 1 << 20)


@pytest.mark.usefixtures("small_limit")
@pytest.mark.parametrize("size", [0, 1, 1 << 16, (1 << 16) + 1, 1 << 20])
def test_up_to_the_limit_all_is_read(size, tmp_path):
    path = tmp_path / "file"
    path.write_bytes(os.urandom(size))
    assert read_capped(path, error=ImageError) == path.read_bytes()


@pytest.mark.usefixtures("small_limit")
def test_a_larger_file_is_refused_unread(tmp_path):
    path = tmp_path / "file.png"
    with path.open("wb") as file:
        file.truncate(1 << 40)  # a sparse file, which takes no space
    with pytest.raises(ImageError, match=r"file\.png has 1,099,511,627,776 bytes or more, and at "):
        read_capped(path, error=ImageError)


@pytest.mark.usefixtures("small_limit")
@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="there are no named pipes here")
@pytest.mark.parametrize("size", [1 << 19, 1 << 22])
def test_a_pipe_is_read_up_to_the_limit(size, tmp_path):
    path = tmp_path / "pipe"
    os.mkfifo(path)

    def write() -> None:
        with contextlib.suppress(BrokenPipeError):
            path.write_bytes(b"x" * size)

    writer = threading.Thread(target=write)
    writer.start()
    if size < 1 << 20:
        assert read_capped(path, error=ImageError) == b"x" * size
    else:
        with pytest.raises(ImageError, match="at most 1,048,576 are read"):
            read_capped(path, error=ImageError)
    writer.join()
