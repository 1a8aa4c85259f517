"""How fast this machine paints: measured, and kept in the cache folder for the next painting.

A *kind* of painting is all that its speed depends on except the size: the machine and its threads,
the versions, the encoder, the layers and the statistic, the optimizer. For each kind a
:class:`Speed` holds the seconds of a step, and of the start at a size, for the sizes painted so
far.
"""

from __future__ import annotations

import contextlib
import functools
import json
import math
import platform
import time
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import torch

from impasto.errors import ImpastoError
from impasto.runtime.files import atomic_write
from impasto.weights.store import cache_dir

FILE_NAME = "speeds.json"
_MOST_KINDS = 100
_MOST_BYTES = 10**6

_SLOWER = 0.3
"""How far a slower measurement moves the stored one: it may come from a busy machine."""

_LEAST_SLOPE = 0.3
"""Least growth of the time with the pixels beyond the sizes measured, relative to proportional."""


@dataclass(frozen=True)
class Curve:
    """Seconds as a function of the number of pixels.

    Attributes:
        points: Pixels → seconds, measured.
    """

    points: Mapping[float, float] = field(default_factory=dict)

    def __call__(self, pixels: float) -> float:
        """Seconds for that many pixels: linear between the points and beyond them."""
        known = sorted(self.points.items())
        if not known:
            raise ValueError("a curve without points")
        if len(known) == 1:
            (at, seconds), slope = known[0], known[0][1] / known[0][0]
        else:
            # The segment around the pixels, or the outermost one.
            upper = next((i for i, (x, _) in enumerate(known) if x >= pixels), len(known) - 1)
            (x0, y0), (x1, y1) = known[max(1, upper) - 1], known[max(1, upper)]
            slope = (y1 - y0) / (x1 - x0)
            (at, seconds) = (x1, y1) if pixels > x1 else (x0, y0)
            if pixels > x1 or pixels < x0:
                slope = min(max(slope, _LEAST_SLOPE * seconds / at), seconds / at)
        return max(0.0, seconds + slope * (pixels - at))

    def updated(self, pixels: float, seconds: float) -> Curve:
        """With another measurement; of two for about the same size the faster counts more."""
        near = [x for x in self.points if abs(math.log2(x / pixels)) < 0.25]
        if near:
            known = min(self.points[x] for x in near)
            seconds = min(seconds, known + _SLOWER * (seconds - known))
        kept = {x: y for x, y in self.points.items() if x not in near}
        return Curve({**kept, pixels: seconds})


@dataclass(frozen=True)
class Speed:
    """The speed of a kind of painting.

    Attributes:
        steps: Seconds of a step.
        starts: Seconds from the start at a size to the first step, beyond the time of a step:
            targets, first evaluation.
        probe: Seconds of a step in the small trial before a painting, on an idle machine.
    """

    steps: Curve = Curve()
    starts: Curve = Curve()
    probe: float = 0.0


def kind_of(description: Mapping[str, Any]) -> str:
    """The name of a kind of painting: its description, the machine and the versions.

    Args:
        description: What the speed depends on besides the machine.
    """
    from impasto import __version__

    machine = {
        "impasto": __version__,
        "torch": torch.__version__,
        "processor": _processor(),
        "threads": torch.get_num_threads(),
    }
    return json.dumps({**machine, **description}, sort_keys=True)


def load_speed(kind: str) -> Speed:
    """What is known about a kind; nothing if it is new, or the cache cannot be read."""
    return _parse(_read().get(kind))


def save_speed(kind: str, speed: Speed) -> None:
    """Keep what was measured; without a cache folder that can be written, nothing happens."""
    kinds = {name: value for name, value in _read().items() if name != kind}
    newest = list(kinds.items())[-(_MOST_KINDS - 1) :]
    entry = {
        "steps": sorted(speed.steps.points.items()),
        "starts": sorted(speed.starts.points.items()),
        "probe": speed.probe,
        "measured": time.strftime("%Y-%m-%d"),
    }
    text = json.dumps({**dict(newest), kind: entry}, indent=1)
    with contextlib.suppress(OSError, ImpastoError):
        folder = cache_dir()
        folder.mkdir(parents=True, exist_ok=True)
        with atomic_write(folder / FILE_NAME) as temporary:
            temporary.write_text(text, encoding="utf-8")


def _read() -> dict[str, Any]:
    with contextlib.suppress(OSError, ValueError, ImpastoError):  # there may be no home folder
        path = cache_dir() / FILE_NAME
        if path.stat().st_size <= _MOST_BYTES:
            kinds = json.loads(path.read_text(encoding="utf-8"))
            return kinds if isinstance(kinds, dict) else {}
    return {}


def _parse(entry: Any) -> Speed:
    """An entry of the file; whatever is wrong with it, it then counts as unknown."""
    try:
        steps, starts = ({float(x): float(y) for x, y in entry[k]} for k in ("steps", "starts"))
        numbers = [*steps, *steps.values(), *starts, *starts.values(), float(entry["probe"])]
        if all(math.isfinite(number) and number >= 0 for number in numbers) and all(
            pixels > 0 for pixels in (*steps, *starts)
        ):
            return Speed(Curve(steps), Curve(starts), float(entry["probe"]))
    except (KeyError, TypeError, ValueError):
        pass
    return Speed()


@functools.cache
def _processor() -> str:
    with contextlib.suppress(OSError):
        for line in Path("/proc/cpuinfo").read_text(encoding="utf-8").splitlines():
            if line.startswith("model name"):
                return line.partition(":")[2].strip()
    return platform.processor() or platform.machine()
