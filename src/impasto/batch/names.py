"""Names of outputs: kept from the inputs, and never outside the output folder.

Manifests and archives are written by strangers. A name that is given for an output is refused if it
may lead out of the folder on any platform; a name that is derived from a content is cleaned.
"""

from __future__ import annotations

import hashlib
import re
from pathlib import PurePosixPath

from impasto.errors import OptionError, printable
from impasto.images.formats import FORMATS
from impasto.runtime.strangers_paths import leads_elsewhere

OWN = "_batch"
"""Folder of the batch's own files in an output folder; no output is written there."""

PLAN = f"{OWN}/plan.json"
"""What was fixed when the batch began."""

PARTIAL = f"{OWN}/partial"
"""What is being worked on, of an output on this machine."""

_FORBIDDEN = re.compile(r'[\x00-\x1f\x7f<>:"|?*\\]')
_LONGEST = 200  # bytes of a part of a name: disks take 255
_DEEPEST = 32  # parts


def checked_name(name: str) -> str:
    """A name that a manifest gives to an output, if it stays in the folder.

    Raises:
        OptionError: If it is empty, or may lead elsewhere.
    """
    parts = name.split("/")
    is_plain = all(part.strip(". ") for part in parts) and name.isprintable()
    if not is_plain or leads_elsewhere(name) or _FORBIDDEN.search(name):
        raise OptionError(
            f"The output name {printable(name)[:200]!r} is no plain name within the output folder: "
            "give one such as set-1/a.png."
        )
    too_long = any(len(part.encode("utf-8", "surrogateescape")) > _LONGEST for part in parts)
    if too_long or len(parts) > _DEEPEST or parts[0] == OWN:
        raise OptionError(
            f"The output name {printable(name)[:60]!r} cannot be used: it is too long, or in the "
            f"folder {OWN}."
        )
    return name


def clean_name(content: str) -> str:
    """A name within the output folder for a content, whatever its path or address is."""
    scheme, separator, rest = content.partition("://")
    path = rest if separator else content
    if scheme in ("http", "https"):
        path = re.split(r"[?#]", path, maxsplit=1)[0]
    parts = [part for part in re.split(r"[\\/]", path) if part.strip(". ")]
    cleaned = [_clean_part(part) for part in parts[-_DEEPEST:]] or ["picture"]
    if cleaned[0] == OWN:
        cleaned[0] += "_"
    return "/".join(cleaned)


def _clean_part(part: str) -> str:
    part = _FORBIDDEN.sub("_", part).rstrip(". ")
    part = "".join(letter if letter.isprintable() else "_" for letter in part)
    if leads_elsewhere(part):  # the name of a device
        part = f"_{part}"
    encoded = part.encode("utf-8", "replace")
    if len(encoded) <= _LONGEST:
        return part
    path = PurePosixPath(part)
    suffix = path.suffix if path.suffix.lower() in FORMATS else ""
    digest = hashlib.sha256(encoded).hexdigest()[:16]
    start = encoded[: _LONGEST - 40].decode("utf-8", "ignore")
    return f"{start}-{digest}{suffix}"


def with_format(name: str, format_: str | None) -> str:
    """The name with the suffix that its file is written in.

    Args:
        name: Of an output, with any suffix.
        format_: Suffix without its dot; None: the name's own, or PNG if that cannot be written.
    """
    path = PurePosixPath(name)
    suffix = f".{format_}" if format_ else path.suffix
    suffix = suffix if suffix.lower() in FORMATS else ".png"
    return str(path.with_name(path.stem + suffix))
