"""Files of ``torch.save``, with errors that say what is wrong with the disk."""

from __future__ import annotations

import zipfile
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, BinaryIO, TypeVar, cast

import torch
from torch import Tensor

from impasto.errors import ImpastoError, InputDataError

Restored = TypeVar("Restored")


def save_torch(value: Any, path: Path) -> None:
    """Write a value with ``torch.save``.

    Raises:
        OSError: If it cannot be written.
    """
    # Through a file of Python's: torch's own writer reports a full disk as an unexpected position.
    with path.open("wb") as file:
        stream = _Stream(file)
        try:
            torch.save(value, cast(BinaryIO, stream))
        except RuntimeError as problem:
            reason = stream.problem or OSError(str(problem).partition("\n")[0])
            raise reason from problem


def load_torch(
    path: Path,
    restore: Callable[[Any], Restored],
    *,
    broken: str,
    kept: type[ImpastoError] = ImpastoError,
) -> Restored:
    """Read what :func:`save_torch` wrote, and restore it.

    Args:
        path: The file.
        restore: Takes the value, on the CPU; what it returns is returned.
        broken: The message for a file that cannot be read or restored.
        kept: Errors of ``restore`` that say more than this message.

    Raises:
        InputDataError: With that message.
    """
    try:
        size = _checked_size(path)
        value = torch.load(path, weights_only=True, map_location="cpu")
        if any(tensor.numel() * tensor.element_size() > size for tensor in _tensors(value)):
            raise ValueError("it has a tensor that is larger than the file")
        return restore(value)
    except kept:
        raise
    except Exception as error:  # torch.load raises nearly anything for a broken file
        raise InputDataError(broken) from error


def _checked_size(path: Path) -> int:
    """Bytes of a file, which :func:`save_torch` did not compress, so that it holds no more.

    Raises:
        ValueError: If it unfolds to more.
        OSError: If it cannot be read.
        BadZipFile: If it is no archive.
    """
    size = path.stat().st_size
    with zipfile.ZipFile(path) as archive:
        if sum(max(one.file_size, one.compress_size) for one in archive.infolist()) > size:
            raise ValueError("it unfolds to more than its size")
    return size


class _Stream:
    """A file for ``torch.save`` that keeps the reason why it could not be written.

    Attributes:
        problem: The first; None if all was written.
    """

    def __init__(self, file: BinaryIO) -> None:
        self._file = file
        self.problem: OSError | None = None

    def write(self, data: bytes) -> int:
        try:
            return self._file.write(data)
        except OSError as problem:
            self.problem = self.problem or problem
            raise

    def flush(self) -> None:
        self._file.flush()


def count_bytes(value: Any) -> int:
    """Bytes of all tensors in a value of dicts, lists and tuples."""
    return sum(tensor.numel() * tensor.element_size() for tensor in _tensors(value))


def _tensors(value: Any) -> Iterator[Tensor]:
    if isinstance(value, Tensor):
        yield value
    elif isinstance(value, dict):
        for part in value.values():
            yield from _tensors(part)
    elif isinstance(value, list | tuple):
        for part in value:
            yield from _tensors(part)
