"""Pictures: reading, resizing, writing, contact sheets and samples.

``images.read`` and the other everyday functions of :mod:`impasto.images.picture` are named here.
"""

from impasto.images.formats import FORMATS
from impasto.images.picture import (
    MAX_ENLARGE,
    MAX_PIXELS,
    Picture,
    as_bytes,
    as_floats,
    check_output,
    check_room,
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
    "as_bytes",
    "as_floats",
    "check_output",
    "check_room",
    "fit_size",
    "from_pil",
    "list_pictures",
    "read",
    "read_metadata",
    "resize",
    "to_pil",
    "write",
]
