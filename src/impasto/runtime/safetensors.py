"""Reading and writing safetensors files, which are untrusted input."""

from __future__ import annotations

import io
import json
import os
from pathlib import Path
from typing import TYPE_CHECKING, Any, BinaryIO, TypeAlias

from safetensors import SafetensorError

from impasto.errors import WeightsError, counted_noun
from impasto.runtime.files import atomic_write

if TYPE_CHECKING:
    from torch import Tensor

StateDict: TypeAlias = "dict[str, Tensor]"

MOST_HEADER_BYTES = 8 << 20
"""Of a header that is read: one of a thousand tensors has a hundred kilobytes."""

_LENGTH_BYTES = 8


def write_safetensors(path: Path, state: StateDict, metadata: dict[str, str]) -> None:
    """Write tensors and metadata to a file, whole or not at all.

    Raises:
        WeightsError: If the file cannot be written.
    """
    content = serialize(state, metadata)
    # Not safetensors' own save_file: only their owner can read its files.
    with atomic_write(path, error=WeightsError) as temporary:
        temporary.write_bytes(content)


def serialize(state: StateDict, metadata: dict[str, str]) -> bytes:
    """The content of a file; names that are not valid UTF-8 are escaped in its metadata."""
    from safetensors.torch import save

    text = {k: v.encode("utf-8", "backslashreplace").decode() for k, v in metadata.items()}
    return save(state, metadata=text)


def read_safetensors(path: Path) -> tuple[StateDict, dict[str, str]]:
    """All tensors of a file, and its metadata.

    The file is read first and not mapped into memory: a mapped file that another process shortens
    would end this one.

    Raises:
        WeightsError: If the file is missing, a folder, too large, or not safetensors.
    """
    from safetensors.torch import load  # only here: metadata alone need neither

    from impasto.runtime.reading import read_capped

    _check_file(path)
    try:
        content = read_capped(path, error=WeightsError)
        metadata = _metadata(_header(io.BytesIO(content)))
        return load(content), metadata
    except _BROKEN as error:
        raise _unreadable(path, error) from error


def read_metadata(path: Path) -> dict[str, str]:
    """The metadata of a file, without reading its tensors.

    Raises:
        WeightsError: If the file is missing, a folder, or not safetensors.
    """
    _check_file(path)
    try:
        with path.open("rb") as file:
            return _metadata(_header(file))
    except _BROKEN as error:
        raise _unreadable(path, error) from error


_BROKEN = (SafetensorError, OSError, ValueError, TypeError, LookupError, RecursionError,
           MemoryError, RuntimeError, AttributeError)  # fmt: skip
"""What a broken file can raise."""


def _check_file(path: Path) -> None:
    if not os.path.isfile(path):
        raise WeightsError(f"There is no weight file {path}: check its name and folder.")


def _unreadable(path: Path, error: Exception) -> WeightsError:
    reason = " ".join(str(error).split()) or type(error).__name__
    return WeightsError(
        f"{path} is not a readable safetensors file ({reason[:200]}): download or copy it again."
    )


def _header(file: BinaryIO) -> Any:
    """The header at the beginning of a file: a JSON object after its length.

    Raises:
        ValueError: If it is cut short, too long or not JSON.
    """
    length = file.read(_LENGTH_BYTES)
    size = int.from_bytes(length, "little")
    if len(length) < _LENGTH_BYTES or size > MOST_HEADER_BYTES:
        raise ValueError(f"its header has {counted_noun(size, 'byte')}")
    text = file.read(size)
    if len(text) < size:
        raise ValueError("its header is cut short")
    return json.loads(text)


def _metadata(header: Any) -> dict[str, str]:
    """The metadata in a header.

    Raises:
        ValueError: If they are anything but text.
    """
    metadata = header.get("__metadata__") or {}
    if not all(isinstance(value, str) for value in metadata.values()):
        raise ValueError("its metadata are not text")
    return dict(metadata)
