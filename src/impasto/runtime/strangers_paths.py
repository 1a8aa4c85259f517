r"""Paths that somebody else wrote, such as those in metadata: judged by their text alone.

On Windows even asking whether ``\\server\share\a.png`` exists sends the name of the user and a hash
of the password to that server. So the text is judged first, alike on every platform.
"""

from __future__ import annotations

import os
import re

_DRIVE = re.compile(r"[A-Za-z]:")
_SEPARATORS = re.compile(r"[\\/]")
_PARENT = re.compile(r"\.[. ]*\.[. ]*")  # Windows ignores dots and spaces at the end of a name
_DEVICE = re.compile(r"(con|prn|aux|nul|conin\$|conout\$|(com|lpt)[0-9¹²³])\s*([.:].*)?", re.I)
"""Names that mean a device in every folder of Windows."""


def leads_elsewhere(name: str) -> bool:
    """Whether a path may lead out of the current folder, on any platform.

    Absolute paths, those with a drive, network names, paths with ``..`` and the names of devices
    on Windows do; links do not count.
    """
    if _DRIVE.match(name) or _SEPARATORS.match(name):
        return True
    parts = _SEPARATORS.split(name)
    return any(_PARENT.fullmatch(part) or _DEVICE.fullmatch(part) for part in parts)


def is_network_name(name: str) -> bool:
    """Whether a path is the name of a file on another machine, on any platform."""
    return bool(re.match(r"[\\/]{2}", name))


def is_file_here(name: str) -> bool:
    """Whether a path is that of a file in the current folder or below; others are not touched."""
    return not leads_elsewhere(name) and os.path.isfile(name)
