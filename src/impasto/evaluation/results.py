"""Results of an evaluation: a row for each picture, and means with intervals for each method."""

from __future__ import annotations

import csv
import json
import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from impasto import __version__
from impasto.evaluation.matching import References
from impasto.jobs.provenance import Provenance
from impasto.metrics.bootstrap import CONFIDENCE, Interval, bootstrap_mean
from impasto.metrics.registry import METRICS, SET_METRICS, Metric, SetMetric
from impasto.metrics.temporal import ABOUT, SOURCE, WARPING, WARPING_CONTENT
from impasto.runtime.files import atomic_write
from impasto.runtime.text_files import open_table

SECONDS, MEGABYTES = "seconds", "megabytes"

SetValues = Mapping[str, Mapping[str, float]]
"""Method → metric → value, of the metrics of sets."""

NO_SET_VALUES: SetValues = {}


@dataclass(frozen=True)
class EvaluatedResult:
    """A result and its values.

    Attributes:
        method: What made it, as tables name it.
        result: The picture.
        references: What it was compared with.
        values: By ``metric`` and ``metric.layer``, and those of :func:`recorded_costs`.
    """

    method: str
    result: Path
    references: References
    values: Mapping[str, float]


def directions() -> dict[str, str]:
    """Metric → ``lower`` or ``higher`` is better, or empty, in the order of summaries."""
    return {
        **{name: metric.better for name, metric in METRICS.usable().items()},
        **{name: metric.better for name, metric in SET_METRICS.usable().items()},
        WARPING: "lower",
        **dict.fromkeys((WARPING_CONTENT, SECONDS, MEGABYTES), ""),
    }


def recorded_costs(provenance: Provenance) -> dict[str, float]:
    """Time and memory that a result took, as far as its metadata have them."""
    costs = {
        SECONDS: provenance.seconds,
        MEGABYTES: None if provenance.peak_bytes is None else provenance.peak_bytes / 1e6,
    }
    return {name: value for name, value in costs.items() if value is not None}


def value_names(rows: Sequence[EvaluatedResult]) -> list[str]:
    """The names of all values in their order, time and memory last."""
    names = dict.fromkeys(name for row in rows for name in row.values)
    last = (SECONDS, MEGABYTES)
    return sorted(names, key=lambda name: last.index(name) + 1 if name in last else 0)


def summarize(
    rows: Sequence[EvaluatedResult], set_values: SetValues = NO_SET_VALUES
) -> dict[str, dict[str, Interval]]:
    """Method → metric → mean and interval, over the results that have it; set values have none."""
    means: dict[str, dict[str, Interval]] = {}
    for method in dict.fromkeys(row.method for row in rows):
        of_method = [row.values for row in rows if row.method == method]
        columns = {
            name: [values[name] for values in of_method if name in values]
            for name in value_names(rows)
        }
        means[method] = {name: bootstrap_mean(column) for name, column in columns.items() if column}
        for name, value in set_values.get(method, {}).items():
            means[method][name] = Interval(value, math.nan, math.nan)
    return means


def to_json(
    rows: Sequence[EvaluatedResult],
    failed: Sequence[tuple[Path, str]],
    settings: Mapping[str, Any],
    set_values: SetValues = NO_SET_VALUES,
) -> str:
    """The whole evaluation as JSON; ``settings`` are further entries."""
    measured = {name.partition(".")[0] for name in value_names(rows)}.union(*set_values.values())
    registered: dict[str, Metric | SetMetric] = {
        **METRICS.usable(),
        **SET_METRICS.usable(),
    }
    metrics = {
        name: {"about": metric.about, "source": metric.source, "better": metric.better}
        for name, metric in registered.items()
        if name in measured
    }
    if WARPING in measured:
        better = directions()[WARPING]
        metrics[WARPING] = {"about": ABOUT, "source": SOURCE, "better": better}
    methods = {
        method: {
            name: {
                "mean": interval.mean,
                "low": _number(interval.low),
                "high": _number(interval.high),
            }
            for name, interval in means.items()
        }
        for method, means in summarize(rows, set_values).items()
    }
    report = {
        "impasto": __version__,
        **settings,
        "metrics": metrics,
        "interval": CONFIDENCE,
        "methods": methods,
        "pictures": [_flat(row) for row in rows],
        "failed": [{"result": str(path), "reason": reason} for path, reason in failed],
    }
    return json.dumps(report, indent=2, ensure_ascii=False)


def write_csv(path: Path, rows: Sequence[EvaluatedResult]) -> None:
    """Write a table with a line for each result, atomically."""
    names = ["method", "result", "content_file", "style_file", *value_names(rows)]
    with atomic_write(path) as temporary, open_table(temporary, "w") as file:
        writer = csv.DictWriter(file, names)
        writer.writeheader()
        writer.writerows(map(_flat, rows))


def _flat(row: EvaluatedResult) -> dict[str, Any]:
    return {
        "method": row.method,
        "result": str(row.result),
        "content_file": str(row.references.content),
        "style_file": str(row.references.style),
        **row.values,
    }


def _number(value: float) -> float | None:
    """None for NaN, which JSON does not have."""
    return value if math.isfinite(value) else None
