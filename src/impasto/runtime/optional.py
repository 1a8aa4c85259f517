"""Optional dependencies, imported only by the commands that need them."""

from __future__ import annotations

import importlib
import sys
from collections.abc import Mapping
from importlib.util import find_spec
from types import ModuleType

from impasto.errors import OptionError

LIBRARIES: Mapping[str, tuple[str, str]] = {
    "anywidget": ("anywidget", "notebook"),
    "av": ("PyAV", "video"),
    "accelerate": ("Accelerate", "train"),
    "cv2": ("OpenCV", "video"),
    "jinja2": ("Jinja2", "report"),
    "matplotlib": ("matplotlib", "report"),
    "mcp": ("MCP", "mcp"),
    "onnx": ("ONNX", "onnx"),
    "onnxruntime": ("ONNX Runtime", "onnx"),
    "onnxruntime.quantization": ("ONNX Runtime", "onnx"),
    "onnxscript": ("ONNX Script", "onnx"),
    "pillow_heif": ("pillow-heif", "heic"),
    "pyarrow": ("PyArrow", "ray"),
    "pyvirtualcam": ("pyvirtualcam", "live"),
    "prometheus_client": ("prometheus-client", "web"),
    "python_multipart": ("python-multipart", "web"),
    "rawpy": ("rawpy", "raw"),
    "ray": ("Ray", "ray"),
    "starlette": ("Starlette", "web"),
    "torch.utils.tensorboard": ("TensorBoard", "tensorboard"),
    "uvicorn": ("uvicorn", "web"),
}
"""Module → the library's name, and the extra of this package that installs it."""


def is_installed(module: str) -> bool:
    """Whether an optional library is installed, without importing it."""
    return sys.modules.get(module, ...) is not None and find_spec(module) is not None


def require(module: str, *, by: str, hint: str = "") -> ModuleType:
    """Import an optional library, or check before long work that it is installed.

    Args:
        module: One of ``LIBRARIES``.
        by: What needs it, as the start of a sentence: ``"A report"``.
        hint: An alternative, added in brackets to the error message.

    Raises:
        OptionError: If it is not installed.
    """
    try:
        return importlib.import_module(module)
    except ImportError:
        name, extra = LIBRARIES[module]
        # From the clone, as the package is not on PyPI.
        remedy = f"pip install '.[{extra}]' in the clone" + (f" ({hint})" if hint else "")
        raise OptionError(f"{by} needs {name}: {remedy}.") from None
