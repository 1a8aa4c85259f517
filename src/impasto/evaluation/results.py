"""What was measured: a row for every picture, and means with their intervals for every method."""

from __future__ import annotations

import csv
import json
import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from impasto.evaluation.matching import Match
from impasto.metrics.bootstrap import LEVEL, Interval, bootstrap_mean
from impasto.metrics.fid import SET_METRICS, SetMetric
from impasto.metrics.registry import METRICS, Metric
from impasto.metrics.temporal import ABOUT, SOURCE, WARPING, WARPING_CONTENT
from impasto.runtime.files import replacing
from impasto.runtime.provenance import Provenance

SECONDS, MEGABYTES = "seconds", "megabytes"

BETTER: Mapping[str, str] = {
    **{name: metric.better for name, metric in METRICS.items()},
    **{name: metric.better for name, metric in SET_METRICS.items()},
    WARPING: "lower",
    **dict.fromkeys((WARPING_CONTENT, SECONDS, MEGABYTES), ""),
}
"""What a summary shows, in its order, and which figures are better: ``lower`` or ``higher``."""

OfSets = Mapping[str, Mapping[str, float]]
"""Method → figure → its value, of the figures that only a set has."""

NO_SETS: OfSets = {}

_WARPING = {"about": ABOUT, "source": SOURCE, "better": BETTER[WARPING]}


@dataclass(frozen=True)
class Evaluated:
    """A result and its figures.

    Attributes:
        method: What made it, as the tables call it.
        result: The picture.
        match: What it was compared with.
        figures: By metric and ``metric.layer``; see :func:`recorded`, too.
    """

    method: str
    result: Path
    match: Match
    figures: Mapping[str, float]


def recorded(origin: Provenance) -> dict[str, float]:
    """What a result's file tells of its making, as figures: time and memory."""
    told = {
        SECONDS: origin.seconds,
        MEGABYTES: None if origin.peak_bytes is None else origin.peak_bytes / 1e6,
    }
    return {name: value for name, value in told.items() if value is not None}


def columns(rows: Sequence[Evaluated]) -> list[str]:
    """The names of all figures, in their order; what was recorded last."""
    names = dict.fromkeys(name for row in rows for name in row.figures)
    last = (SECONDS, MEGABYTES)
    return sorted(names, key=lambda name: last.index(name) + 1 if name in last else 0)


def summary(rows: Sequence[Evaluated], of_sets: OfSets = NO_SETS) -> dict[str, dict[str, Interval]]:
    """Method → figure → mean and interval, over the pictures that have it.

    Args:
        rows: What was measured of pictures.
        of_sets: What was measured of methods as a whole; it has no interval.
    """
    means: dict[str, dict[str, Interval]] = {}
    for method in dict.fromkeys(row.method for row in rows):
        own = [row.figures for row in rows if row.method == method]
        values = {
            name: [figures[name] for figures in own if name in figures] for name in columns(rows)
        }
        means[method] = {name: bootstrap_mean(found) for name, found in values.items() if found}
        for name, value in of_sets.get(method, {}).items():
            means[method][name] = Interval(value, math.nan, math.nan)
    return means


def as_json(
    rows: Sequence[Evaluated],
    failed: Sequence[tuple[Path, str]],
    settings: Mapping[str, Any],
    of_sets: OfSets = NO_SETS,
) -> str:
    """All of it: settings, means, pictures, and what could not be judged."""
    told = {name.partition(".")[0] for name in columns(rows)}.union(*of_sets.values())
    known: dict[str, Metric | SetMetric] = {**METRICS, **SET_METRICS}
    return json.dumps(
        {
            **settings,
            "metrics": {
                name: {"about": m.about, "source": m.source, "better": m.better}
                for name, m in known.items()
                if name in told
            }
            | ({WARPING: _WARPING} if WARPING in told else {}),
            "interval": LEVEL,
            "methods": {
                method: {
                    name: {
                        "mean": found.mean,
                        "low": _number(found.low),
                        "high": _number(found.high),
                    }
                    for name, found in means.items()
                }
                for method, means in summary(rows, of_sets).items()
            },
            "pictures": [_flat(row) for row in rows],
            "failed": [{"result": str(path), "reason": reason} for path, reason in failed],
        },
        indent=2,
        ensure_ascii=False,
    )


def write_csv(path: Path, rows: Sequence[Evaluated]) -> None:
    """One line a picture, whole or not at all."""
    names = ["method", "result", "content_file", "style_file", *columns(rows)]
    with replacing(path) as temporary, temporary.open("w", newline="", encoding="utf-8") as file:
        writer = csv.DictWriter(file, names)
        writer.writeheader()
        writer.writerows(map(_flat, rows))


def _flat(row: Evaluated) -> dict[str, Any]:
    return {
        "method": row.method,
        "result": str(row.result),
        "content_file": str(row.match.content),
        "style_file": str(row.match.style),
        **row.figures,
    }


def _number(value: float) -> float | None:
    """JSON has no NaN."""
    return value if math.isfinite(value) else None
