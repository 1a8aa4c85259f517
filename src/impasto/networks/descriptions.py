"""What the file of a one-pass model says of itself, read without its tensors."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from impasto.errors import OptionError, WeightsError
from impasto.runtime.safetensors import read_metadata

FORMAT = "impasto.network"


VERSION = "1"


DESCRIPTION_ERRORS = (LookupError, TypeError, ValueError, AttributeError, ArithmeticError,
                       RecursionError, RuntimeError, OptionError)  # fmt: skip
"""What a wrong description can raise while a model is built from it."""


def read_description(path: str | Path) -> dict[str, Any]:
    """The description in a model's file (see :func:`describe`), without reading its tensors.

    Raises:
        WeightsError: If there is no such file, or it is not a model of this version.
    """
    path = Path(path)
    metadata = read_metadata(path)
    check_version(path, metadata)
    try:
        description = json.loads(metadata["description"])
        return {**description, "styles": [str(name) for name in description["styles"]]}
    except DESCRIPTION_ERRORS as error:
        raise WeightsError(f"{path} has a broken description: {error}") from error


def check_version(path: Path, metadata: Mapping[str, str]) -> None:
    """Raise a WeightsError for the metadata of anything but a model of this version."""
    if metadata.get("format") != FORMAT:
        raise WeightsError(
            f"{path} is no one-pass model of Impasto: name a file that `impasto train` made, or a "
            "model of `impasto models list`."
        )
    if metadata.get("version") != VERSION:
        raise WeightsError(
            f"{path} is a model of version {metadata.get('version')}; this Impasto reads version "
            f"{VERSION}: update Impasto or get the file again."
        )
