"""``impasto evaluate``: measure results and compare methods."""

from __future__ import annotations

import argparse
import contextlib
import math
from collections.abc import Callable, Sequence
from pathlib import Path

from rich import box
from rich.markup import escape
from rich.table import Table

from impasto import images
from impasto.cli.options.evaluate import JSON, PLOT, TABLE
from impasto.cli.shared.counting import counting_bar
from impasto.cli.shared.exit_codes import INTERRUPTED, WRONG_INPUT
from impasto.cli.shared.messages import (
    counted_noun,
    inform,
    json_text,
    print_result,
    sentence,
    warn,
)
from impasto.cli.shared.outputs import check_replaceable
from impasto.errors import ImpastoError, OptionError, printable, with_file_name
from impasto.evaluation.evaluator import Evaluator
from impasto.evaluation.matching import PictureIndex, References, find_references, picture_files
from impasto.evaluation.pareto_plot import X_METRIC, Y_METRIC, check_plotting, write_scatter
from impasto.evaluation.results import (
    NO_SET_VALUES,
    EvaluatedResult,
    SetValues,
    directions,
    recorded_costs,
    summarize,
    to_json,
    write_csv,
)
from impasto.evaluation.set_metrics import SetEvaluator
from impasto.evaluation.video import VideoEvaluator, sort_frames
from impasto.jobs.provenance import read_provenance
from impasto.metrics.bootstrap import Interval
from impasto.metrics.fid import MIN_SET_SIZE
from impasto.metrics.registry import available_metrics, resolve_metrics
from impasto.runtime.devices import find_device
from impasto.runtime.files import atomic_write, real_path
from impasto.runtime.interrupts import StopRequest, stop_on_interrupt
from impasto.runtime.memory import memory_errors
from impasto.runtime.precision import moved
from impasto.runtime.workers import best_workers, map_in_threads
from impasto.weights.open import open_encoder

Measure = Callable[[Path, References], dict[str, float]]
"""Path and references of a result → values by name."""

_BYTES_EACH = 1e9
"""Memory for one result: decoded pictures and all features of result, content and style."""


def run(args: argparse.Namespace) -> int:
    """Evaluate all results and return the exit code: 2 if any failed."""
    if args.metrics is None:
        names = available_metrics()
    else:
        names = [name.strip() for name in args.metrics.split(",") if name.strip()]
        if not names:
            raise OptionError("--metrics names no metric: leave it out for all, or name some.")
    metrics, set_metrics = resolve_metrics(names)
    has_plot = bool(args.output) and not args.no_plot and {X_METRIC, Y_METRIC} <= set(metrics)
    if has_plot:
        check_plotting()
    for name in (TABLE, JSON, PLOT) if args.output else ():
        check_replaceable(args.output / name, overwrite=args.overwrite)
    if args.size < 1:
        raise OptionError(f"--size is {args.size} pixels: choose 1 or more.")
    results = _results(args.results, args.output)
    if args.metrics is not None and set_metrics:
        _check_set_sizes(set_metrics, results)
    indexes = PictureIndex(args.content), PictureIndex(args.style)
    limits = {"size": args.size, "max_pixels": args.max_pixels}
    device = find_device(args.device)
    evaluators: list[Measure] = []
    if args.temporal:
        results = sort_frames(results)
        evaluators.append(VideoEvaluator(results, **limits, device=device))
    set_evaluator = SetEvaluator(set_metrics, **limits, device=device) if set_metrics else None
    if set_evaluator is not None:
        evaluators.append(set_evaluator)
    evaluators.insert(0, Evaluator(moved(open_encoder(args.encoder), device), metrics, **limits))
    rows: list[EvaluatedResult] = []
    failed: list[tuple[Path, str]] = []
    with stop_on_interrupt("" if args.quiet else "stopping after this result") as request:
        _evaluate(results, indexes, evaluators, rows, failed, args, request)
    settings = {"encoder": args.encoder, "size": args.size}
    set_values = set_evaluator.values(rows) if set_evaluator is not None else NO_SET_VALUES
    report = to_json(rows, failed, settings, set_values)
    if args.output and rows:
        _write(args.output, rows, report, has_plot=has_plot)
    if args.json:
        print_result(json_text(report))
    elif rows:
        _print(rows, set_values)
    for _, reason in failed:
        warn(reason)
    if failed:
        number = counted_noun(len(rows) + len(failed), "result")
        warn(f"{len(failed)} of {number} could not be evaluated.")
    if request.made:
        inform(f"stopped after {len(rows)} of {counted_noun(len(results), 'result')}")
        return INTERRUPTED
    return WRONG_INPUT if failed else 0


def _results(paths: Sequence[Path], output: Path | None) -> list[tuple[str, Path]]:
    """Every result with the name of its method, the name of the given folder or file."""
    names = [real_path(path).name for path in paths]
    results = []
    for path, name in zip(paths, names, strict=True):
        method = name if names.count(name) == 1 else str(path)
        if output is not None and real_path(output) == real_path(path):
            raise OptionError(f"{output} holds the results: name another folder with -o DIR.")
        # The output of an earlier run may be in a subfolder.
        results += [(method, file) for file in picture_files(path, exclude=output)]
    return results


def _check_set_sizes(names: Sequence[str], results: Sequence[tuple[str, Path]]) -> None:
    """Raise an OptionError if a method has too few results for metrics of sets."""
    methods = [method for method, _ in results]
    for method in dict.fromkeys(methods):
        if (count := methods.count(method)) < MIN_SET_SIZE:
            raise OptionError(
                f"--metrics {','.join(names)} needs at least {MIN_SET_SIZE} results of a method, "
                f"and better thousands, not {count} of '{method}'."
            )


def _evaluate(
    results: Sequence[tuple[str, Path]],
    indexes: tuple[PictureIndex, PictureIndex],
    evaluators: Sequence[Measure],
    rows: list[EvaluatedResult],
    failed: list[tuple[Path, str]],
    args: argparse.Namespace,
    request: StopRequest,
) -> None:
    """Evaluate results into ``rows`` and ``failed``, until Ctrl-C."""

    def evaluate(result: tuple[str, Path]) -> EvaluatedResult | str:
        method, path = result
        try:
            metadata = images.read_metadata(path)
            references = find_references(path, metadata, *indexes)
            values: dict[str, float] = {}
            with memory_errors():
                for evaluator in evaluators:
                    values |= evaluator(path, references)
        except ImpastoError as error:
            return sentence(with_file_name(path, error))
        values |= recorded_costs(read_provenance(metadata))
        return EvaluatedResult(method, path, references, values)

    # A frame of a video is compared with the frame before it.
    device = find_device(args.device)
    workers = 1 if args.temporal else best_workers(len(results), _BYTES_EACH, device=device)
    with counting_bar(quiet=args.quiet or args.json) as bar:
        task = bar.add_task("", total=len(results))
        found = map_in_threads(evaluate, results, workers, lambda: request.made)
        with contextlib.closing(found):
            for (_, path), row in found:
                bar.update(task, advance=1, description=printable(path.name))
                failed.append((path, row)) if isinstance(row, str) else rows.append(row)


def _write(folder: Path, rows: list[EvaluatedResult], report: str, *, has_plot: bool) -> None:
    write_csv(folder / TABLE, rows)
    with atomic_write(folder / JSON) as temporary:
        temporary.write_text(json_text(report) + "\n", encoding="utf-8")
    if has_plot:
        write_scatter(folder / PLOT, rows)


def _print(rows: list[EvaluatedResult], set_values: SetValues) -> None:
    """Print a table with one block per metric, which lists the methods."""
    means = summarize(rows, set_values)
    several = len(means) > 1
    headings = ["metric", *(["method"] if several else []), "mean", "95 % interval", "better"]
    table = Table(*headings, box=box.SIMPLE_HEAD)
    for name, direction in directions().items():
        label, better = name, direction
        for method, values in means.items():
            if name in values:
                names = [label, escape(printable(method))] if several else [label]
                mean = f"{values[name].mean:.4g}"
                table.add_row(*names, mean, _interval(values[name]), better)
                label = better = ""
    print_result(table)
    for method in means:
        count = sum(row.method == method for row in rows)
        print_result(printable(f"{method}: {counted_noun(count, 'picture')}"))


def _interval(interval: Interval) -> str:
    if math.isnan(interval.low):
        return "–"
    return f"{interval.low:.4g} … {interval.high:.4g}"
