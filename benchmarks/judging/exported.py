"""Exported models as methods: what ONNX Runtime paints with a painter's file.

The file is ``FOLDER/painter.onnx`` or one of its smaller forms. The style is read with the reader
of the same precision, or that of float16 for an int8 painter.
"""

from __future__ import annotations

import json
from collections.abc import Callable
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor

from impasto.errors import OptionError, option
from impasto.export.folder import DESCRIPTION
from impasto.export.onnx import open_session
from impasto.training.validation import Pair
from judging.digests import file_digest


def is_exported(path: Path) -> bool:
    """Whether a file is the painter of an exported model."""
    return path.suffix == ".onnx" and (path.parent / DESCRIPTION).is_file()


def open_exported(path: Path) -> tuple[str, str, Callable[[Pair], Tensor], tuple[str, ...]]:
    """A method's name, identity, painting and styles; see :class:`judging.methods.Method`."""
    folder = path.parent
    description = json.loads((folder / DESCRIPTION).read_text(encoding="utf-8"))
    precision = next(
        name for name, entry in description["painter"]["files"].items()
        if entry["file"] == path.name
    )  # fmt: skip
    threads = torch.get_num_threads()
    painter = cache(lambda: open_session(path, threads=threads))
    read_with = "float32" if precision == "float32" else "float16"

    @cache
    def reader() -> Any:
        return open_session(folder / description["reader"]["files"][read_with]["file"])

    def style(pair: Pair) -> np.ndarray[Any, Any]:
        if "reader" in description:
            read: np.ndarray[Any, Any] = reader().run(None, {"picture": pair.style.tensor.numpy()})[
                0
            ]
            return read
        if pair.name not in description["styles"]:
            raise OptionError(
                f"{folder} paints its own styles only: name the folder of their pictures with "
                f"{option('pictures')}."
            )
        table: np.ndarray[Any, Any] = np.load(folder / description["style_vectors"])
        return table[description["styles"].index(pair.name)][None]

    def paint(pair: Pair) -> Tensor:
        inputs = {"image": pair.content.tensor.numpy(), "styles": style(pair),
                  "weights": np.ones(1, np.float32)}  # fmt: skip
        return torch.from_numpy(painter().run(None, inputs)[0])

    files = [path, *folder.glob("reader*.onnx"), *folder.glob("*.npy")]
    fixed = () if "reader" in description else tuple(description["styles"])
    return f"{description['name']}-{precision}", file_digest(files), paint, fixed
