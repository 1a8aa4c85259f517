"""What a result's file says of itself: what it was painted from, and how long it took."""

from __future__ import annotations

import contextlib
import json
import math
import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from impasto.errors import OptionError
from impasto.jobs.request_json import KEY, from_json
from impasto.jobs.requests import Request, TextureRequest, name_of_source

_OLD_STYLE = re.compile(
    r"(?:(?:coarse|fine)=)?(?P<path>.+?)(?::(?P<share>\d+(?:\.\d*)?(?:e[-+]?\d+)?))?"
)


@dataclass(frozen=True)
class Provenance:
    """What a result was painted from, as far as its file says.

    Attributes:
        content: Path of the content as it was given; empty if it is unknown.
        styles: Path or name of each style, and its weight.
        seconds: How long it took, if that is known.
        peak_bytes: The most memory that the process held which painted it, if that is known.
    """

    content: str = ""
    styles: tuple[tuple[str, float], ...] = ()
    seconds: float | None = None
    peak_bytes: float | None = None


def costs(seconds: float, peak_bytes: float | None = None) -> dict[str, str]:
    """Time and memory as :func:`read_provenance` reads them from metadata."""
    known = {"seconds": f"{seconds:.3f}"}
    return known if peak_bytes is None else known | {"peak bytes": f"{peak_bytes:.0f}"}


def read_provenance(metadata: Mapping[str, str]) -> Provenance:
    """The provenance in a picture's metadata, also in those of version 0.1.0.

    What is missing or has another form counts as unknown: metadata is untrusted.
    """
    content, styles = metadata.get("content", ""), _old_styles(_parsed(metadata.get("style", "")))
    if KEY in metadata:
        content, styles = "", ()
        with contextlib.suppress(OptionError):
            content, styles = _sources(from_json(metadata[KEY]))
    return Provenance(
        content, styles, _amount(metadata, "seconds"), _amount(metadata, "peak bytes")
    )


def _sources(request: Request) -> tuple[str, tuple[tuple[str, float], ...]]:
    content = "" if isinstance(request, TextureRequest) else name_of_source(request.content)
    styles = getattr(request, "styles", ())
    return content, tuple((style.name, style.weight or 1.0) for style in styles)


def _parsed(text: str) -> Any:
    try:
        return json.loads(text)
    except (ValueError, RecursionError):
        return None


def _amount(metadata: Mapping[str, str], name: str) -> float | None:
    with contextlib.suppress(ValueError):
        amount = float(metadata.get(name, ""))
        if math.isfinite(amount) and amount >= 0:
            return amount
    return None


def _old_styles(described: Any) -> tuple[tuple[str, float], ...]:
    if isinstance(described, dict):  # of stylize: path or name → share
        shares = described.values()
        if not all(isinstance(s, (int, float)) and not isinstance(s, bool) for s in shares):
            return ()
        with contextlib.suppress(OverflowError):
            return tuple((str(name), float(share)) for name, share in described.items())
        return ()
    if isinstance(described, list) and all(isinstance(entry, str) for entry in described):
        return tuple(_old_style(entry) for entry in described)  # of paint: [LEVEL=]PATH[:SHARE]
    return ()


def _old_style(entry: str) -> tuple[str, float]:
    found = _OLD_STYLE.fullmatch(entry)
    if found is None:
        return entry, 1.0
    return found["path"], float(found["share"] or 1)
