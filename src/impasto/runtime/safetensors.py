"""Reading and writing safetensors files, which are untrusted input."""

from __future__ import annotations

import contextlib
import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from safetensors import SafetensorError, safe_open
from safetensors.torch import save
from torch import Tensor

from impasto.errors import WeightsError
from impasto.runtime.files import atomic_write

StateDict = dict[str, Tensor]


def write_safetensors(path: Path, state: StateDict, metadata: dict[str, str]) -> None:
    """Write tensors and metadata to a file, whole or not at all.

    Raises:
        WeightsError: If the file cannot be written.
    """
    content = save(state, metadata=metadata)
    # Not safetensors' own save_file: only their owner can read its files.
    with atomic_write(path, error=WeightsError) as temporary:
        temporary.write_bytes(content)


def read_safetensors(path: Path) -> tuple[StateDict, dict[str, str]]:
    """All tensors of a file, and its metadata.

    Raises:
        WeightsError: If the file is missing, a folder, or not safetensors.
    """
    with _open(path) as file:
        return {key: file.get_tensor(key) for key in file.keys()}, _metadata(file)  # noqa: SIM118


def read_metadata(path: Path) -> dict[str, str]:
    """The metadata of a file, without reading its tensors.

    Raises:
        WeightsError: If the file is missing, a folder, or not safetensors.
    """
    with _open(path) as file:
        return _metadata(file)


@contextlib.contextmanager
def _open(path: Path) -> Iterator[Any]:
    if not os.path.isfile(path):
        raise WeightsError(f"There is no weight file {path}: check its name and folder.")
    try:
        with safe_open(path, "pt") as file:  # type: ignore[no-untyped-call,unused-ignore]
            yield file
    except (SafetensorError, OSError, ValueError) as error:
        raise WeightsError(
            f"{path} is not a readable safetensors file ({error}): download or copy it again."
        ) from error


def _metadata(file: Any) -> dict[str, str]:
    return dict(file.metadata() or {})
