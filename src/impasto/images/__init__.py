"""Pictures: reading, resizing, writing, contact sheets and samples.

* ``contact_sheet``: several pictures with captions and headings as one
* ``opening``: files to Pillow images; ``file_kinds``: what files are that Pillow does not read
* ``decoding``: Pillow images to upright sRGB floats; ``deep``: all 16 bits of a sample;
  ``png``: what Pillow does not tell of PNG files
* ``icc`` and ``rgb_spaces``: colour profiles and colour spaces to sRGB
* ``source_info``: EXIF, resolution and the like of a photograph
* ``listing``: the pictures in a folder
* ``picture``: pictures as tensors: read, resize
* ``writing``: every format with metadata; ``formats``: the formats; ``deep_files``: 16 bits
* ``samples``: the pictures that ship with Impasto
"""

from impasto.images.formats import FORMATS
from impasto.images.listing import find_pictures, list_pictures
from impasto.images.picture import (
    MAX_ENLARGE,
    MAX_PIXELS,
    Picture,
    as_float,
    as_uint8,
    fit_size,
    from_pil,
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

__all__ = [
    "FORMATS",
    "MAX_ENLARGE",
    "MAX_PIXELS",
    "Picture",
    "as_float",
    "as_uint8",
    "check_folder_name",
    "check_format_size",
    "check_output",
    "find_pictures",
    "fit_size",
    "from_pil",
    "list_pictures",
    "looks_like_file",
    "read",
    "read_metadata",
    "resize",
    "to_pil",
    "write",
]
