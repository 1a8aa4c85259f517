"""Reading and writing safetensors files, as untrusted input."""

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
from impasto.runtime.files import replacing

State = dict[str, Tensor]


def write_safetensors(path: Path, state: State, metadata: dict[str, str]) -> None:
    """Write tensors and metadata as one safetensors file, replaced atomically.

    Raises:
        WeightsError: If the file cannot be written.
    """
    content = save(state, metadata=metadata)
    # Not safetensors' own save_file: its files are readable by their owner alone.
    with replacing(path, error=WeightsError) as temporary:
        temporary.write_bytes(content)


def read_safetensors(path: Path) -> tuple[State, dict[str, str]]:
    """All tensors and the metadata of a safetensors file.

    Raises:
        WeightsError: If it is missing, a folder, or not safetensors.
    """
    with _opened(path) as file:
        return {key: file.get_tensor(key) for key in file.keys()}, _metadata(file)  # noqa: SIM118


def read_metadata(path: Path) -> dict[str, str]:
    """The metadata of a safetensors file, its tensors unread.

    Raises:
        WeightsError: If it is missing, a folder, or not safetensors.
    """
    with _opened(path) as file:
        return _metadata(file)


@contextlib.contextmanager
def _opened(path: Path) -> Iterator[Any]:
    if not os.path.isfile(path):
        raise WeightsError(f"There is no weight file {path}: check its name and folder.")
    try:
        with safe_open(path, "pt") as file:  # type: ignore[no-untyped-call,unused-ignore]
            yield file
    except (SafetensorError, OSError, ValueError) as error:
        raise WeightsError(
            f"{path} is not a readable safetensors file ({error}): fetch or copy it again."
        ) from error


def _metadata(file: Any) -> dict[str, str]:
    return dict(file.metadata() or {})
