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
"""Format of a picture → file of the result, and its type."""

ON_REQUEST = ("tiff",)
"""Formats of a picture that are made when somebody asks for them, from the PNG."""

CLIPS: Mapping[str, tuple[str, str]] = {
    "mp4": ("result.mp4", "video/mp4"),
    "webm": ("result.webm", "video/webm"),
    "gif": ("result.gif", "image/gif"),
    "webp": ("result.webp", "image/webp"),
}
"""Format of a clip → file of the result, and its type."""

FILES = {**RESULTS, **CLIPS}
"""Every format → file of the result, and its type."""
