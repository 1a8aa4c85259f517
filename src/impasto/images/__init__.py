"""Pictures: reading, resizing, writing, contact sheets and samples.

* ``contact_sheet``: several pictures with captions and headings as one
* ``opening``: files to Pillow images; ``file_kinds``: what files are that Pillow does not read
* ``decoding``: Pillow images to upright sRGB floats; ``deep``: all 16 bits of a sample;
  ``png`` and ``jpeg``: what Pillow does not tell
* ``in_memory``: NumPy arrays and tensors to pictures
* ``icc`` and ``rgb_spaces``: colour profiles and colour spaces to sRGB
* ``source_info``: EXIF, resolution and the like of a photograph
* ``listing``: the pictures in a folder
* ``picture``: pictures as tensors: read, resize
* ``writing``: every format with metadata; ``formats``: the formats; ``deep_files``: 16 bits
* ``samples``: the pictures that ship with Impasto; ``limits``: on sizes

What is named here is imported when it is first used: the formats and limits need no torch.
"""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from impasto.images.formats import FORMATS
    from impasto.images.limits import MAX_ENLARGE, MAX_PIXELS
    from impasto.images.listing import find_pictures, list_pictures
    from impasto.images.picture import (
        Picture,
        PictureLike,
        as_float,
        as_uint8,
        fit_size,
        from_pil,
        from_pixels,
        read,
        resize,
        to_pil,
    )
    from impasto.images.writing import (
        check_folder_name,
        check_format_size,
        check_output,
        looks_like_file,
        read_metadata,
        write,
    )

_HOMES = {
    "FORMATS": "formats",
    "MAX_ENLARGE": "limits",
    "MAX_PIXELS": "limits",
    "Picture": "picture",
    "PictureLike": "picture",
    "as_float": "picture",
    "as_uint8": "picture",
    "check_folder_name": "writing",
    "check_format_size": "writing",
    "check_output": "writing",
    "find_pictures": "listing",
    "fit_size": "picture",
    "from_pil": "picture",
    "from_pixels": "picture",
    "list_pictures": "listing",
    "looks_like_file": "writing",
    "read": "picture",
    "read_metadata": "writing",
    "resize": "picture",
    "to_pil": "picture",
    "write": "writing",
}

__all__ = [
    "FORMATS",
    "MAX_ENLARGE",
    "MAX_PIXELS",
    "Picture",
    "PictureLike",
    "as_float",
    "as_uint8",
    "check_folder_name",
    "check_format_size",
    "check_output",
    "find_pictures",
    "fit_size",
    "from_pil",
    "from_pixels",
    "list_pictures",
    "looks_like_file",
    "read",
    "read_metadata",
    "resize",
    "to_pil",
    "write",
]


def __getattr__(name: str) -> Any:
    if name not in _HOMES:
        raise AttributeError(f"module 'impasto.images' has no attribute '{name}'")
    value = getattr(importlib.import_module(f"impasto.images.{_HOMES[name]}"), name)
    globals()[name] = value  # found directly from now on
    return value
