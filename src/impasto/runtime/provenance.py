"""What the file of a result says of itself: what it was painted from, and how long it took."""

from __future__ import annotations

import contextlib
import json
import math
import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

_STYLE = re.compile(
    r"(?:(?:coarse|fine)=)?(?P<path>.+?)(?::(?P<share>\d+(?:\.\d*)?(?:e[-+]?\d+)?))?"
)


@dataclass(frozen=True)
class Provenance:
    """What a result was painted from, as far as its file says.

    Attributes:
        content: Path of the content as it was given; empty if it is not told.
        styles: Path or name of each style, and its share.
        seconds: How long it took, if it is told.
        peak_bytes: The most memory that the process held which painted it, if it is told.
    """

    content: str = ""
    styles: tuple[tuple[str, float], ...] = ()
    seconds: float | None = None
    peak_bytes: float | None = None


def costs(seconds: float, peak_bytes: float | None = None) -> dict[str, str]:
    """Time and memory as :func:`read_provenance` reads them from metadata."""
    told = {"seconds": f"{seconds:.3f}"}
    return told if peak_bytes is None else told | {"peak bytes": f"{peak_bytes:.0f}"}


def read_provenance(metadata: Mapping[str, str]) -> Provenance:
    """The origin told by the metadata that ``impasto paint`` and ``stylize`` write.

    What is missing or has another form counts as not told: a file's metadata can be anyone's.
    """
    return Provenance(
        metadata.get("content", ""),
        _styles(parsed(metadata.get("style", ""))),
        _amount(metadata.get("seconds", "")),
        _amount(metadata.get("peak bytes", "")),
    )


def parsed(text: str) -> Any:
    """What a text of JSON says, or None if it is none."""
    try:
        return json.loads(text)
    except (ValueError, RecursionError):
        return None


def _amount(text: str) -> float | None:
    with contextlib.suppress(ValueError):
        amount = float(text)
        if math.isfinite(amount) and amount >= 0:
            return amount
    return None


def _styles(told: Any) -> tuple[tuple[str, float], ...]:
    if isinstance(told, dict):  # of stylize: path or name → share
        shares = told.values()
        if not all(isinstance(s, (int, float)) and not isinstance(s, bool) for s in shares):
            return ()
        return tuple((str(name), float(share)) for name, share in told.items())
    if isinstance(told, list) and all(isinstance(entry, str) for entry in told):
        return tuple(_style(entry) for entry in told)  # of paint: [LEVEL=]PATH[:SHARE]
    return ()


def _style(entry: str) -> tuple[str, float]:
    found = _STYLE.fullmatch(entry)
    if found is None:
        return entry, 1.0
    return found["path"], float(found["share"] or 1)
