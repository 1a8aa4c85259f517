"""Names of the files in a job's folder, which workers write and the server reads."""

from __future__ import annotations

from collections.abc import Mapping

SUFFIX = ".upload"
"""Of the files that uploads are stored in: no style, model or kind of start is named so."""

CHECKPOINT = "state.checkpoint"
PREVIEW = "preview.jpg"

RESULTS: Mapping[str, tuple[str, str]] = {
    "png": ("result.png", "image/png"),
    "jpeg": ("result.jpg", "image/jpeg"),
    "tiff": ("result.tiff", "image/tiff"),
}
"""Format → file of the result, and its type."""
