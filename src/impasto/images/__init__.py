"""Pictures: reading, resizing, writing, contact sheets and samples.

* ``contact_sheet``: several pictures with captions and headings as one
* ``decoding``: any file or Pillow image to upright sRGB floats
* ``formats``: the file formats that can be written
* ``picture``: the interface: read, resize, write; its functions are exported here
* ``samples``: the pictures that ship with Impasto
"""

from impasto.images.formats import FORMATS
from impasto.images.picture import (
    MAX_ENLARGE,
    MAX_PIXELS,
    Picture,
    as_float,
    as_uint8,
    check_format_size,
    check_output,
    fit_size,
    from_pil,
    list_pictures,
    read,
    read_metadata,
    resize,
    to_pil,
    write,
)

__all__ = [
    "FORMATS",
    "MAX_ENLARGE",
    "MAX_PIXELS",
    "Picture",
    "as_float",
    "as_uint8",
    "check_format_size",
    "check_output",
    "fit_size",
    "from_pil",
    "list_pictures",
    "read",
    "read_metadata",
    "resize",
    "to_pil",
    "write",
]
