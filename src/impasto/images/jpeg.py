"""The scans of JPEG files: each goes over the whole picture, however few bytes it has."""

from __future__ import annotations

import re

MOST_SCANS = 200
"""Of files that are read. Programs write at most a dozen. A thousand fit into 38 kB, and take about
a second for each megapixel."""

_MARKER = re.compile(rb"\xff+([\x01-\xcf\xd8-\xfe])")  # neither data nor a restart
_SCAN, _END = 0xDA, 0xD9
_WITHOUT_LENGTH = (0x01, 0xD8)


def has_many_scans(data: bytes) -> bool:
    """Whether a JPEG file has more scans than are read; its thumbnails do not count."""
    scans, place = 0, 0
    while scans <= MOST_SCANS and (found := _MARKER.search(data, place)):
        code, place = found[1][0], found.end()
        if code == _END:
            break
        scans += code == _SCAN
        if code not in _WITHOUT_LENGTH:
            place += int.from_bytes(data[place : place + 2], "big")
    return scans > MOST_SCANS
