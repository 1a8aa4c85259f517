"""Libraries that only some commands need, and that are not installed with the rest."""

from __future__ import annotations

import importlib
from collections.abc import Mapping
from types import ModuleType

from impasto.errors import OptionError

LIBRARIES: Mapping[str, tuple[str, str]] = {
    "accelerate": ("Accelerate", "train"),
    "cv2": ("OpenCV", "video"),
    "jinja2": ("Jinja2", "report"),
    "matplotlib": ("matplotlib", "report"),
    "torch.utils.tensorboard": ("TensorBoard", "tensorboard"),
}
"""Name in Python → the library's own, and the extra of the package that brings it."""


def require(module: str, *, by: str, hint: str = "") -> ModuleType:
    """Import a library; for before long work, too.

    Args:
        module: One of ``LIBRARIES``.
        by: What needs it, as a sentence begins: ``"A report"``.
        hint: What else would do, in brackets after the remedy.

    Raises:
        OptionError: If it is not installed.
    """
    try:
        return importlib.import_module(module)
    except ImportError:
        name, extra = LIBRARIES[module]
        # Of the clone: the package is in no index.
        remedy = f"pip install '.[{extra}]' in the clone" + (f" ({hint})" if hint else "")
        raise OptionError(f"{by} needs {name}: {remedy}.") from None
