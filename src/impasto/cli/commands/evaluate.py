"""``impasto evaluate``: figures for results, and methods compared."""

from __future__ import annotations

import argparse
import math
import sys
from collections.abc import Callable, Sequence
from pathlib import Path

from rich import box
from rich.console import Console
from rich.markup import escape
from rich.table import Table

from impasto import images
from impasto.cli.shared.counting import counted
from impasto.cli.shared.limits import add_max_pixels
from impasto.cli.shared.messages import sentence
from impasto.errors import ImpastoError, OptionError, with_file_name
from impasto.evaluation.evaluator import Evaluator
from impasto.evaluation.matching import Match, PictureIndex, match, picture_files
from impasto.evaluation.pareto_plot import ACROSS, UP, check_plotting, write_scatter
from impasto.evaluation.results import (
    BETTER,
    NO_SETS,
    Evaluated,
    OfSets,
    as_json,
    recorded,
    summary,
    write_csv,
)
from impasto.evaluation.set_metrics import Sets
from impasto.evaluation.video import Film, in_order
from impasto.metrics.bootstrap import Interval
from impasto.metrics.fid import LEAST, SET_METRICS
from impasto.metrics.registry import METRICS, at_hand, chosen
from impasto.runtime.files import check_writable, replacing
from impasto.runtime.interrupts import StopRequest, stop_on_interrupt
from impasto.runtime.provenance import read_provenance
from impasto.weights.open import open_encoder

EXAMPLES = f"""\
examples:
  impasto evaluate painted/ --content photos/ --style paintings/
  impasto evaluate ours/ theirs/ --content photos/ --style paintings/ -o figures/
  impasto evaluate painted-frames/ --content frames/ --style painting.jpg --temporal
  impasto evaluate out.png --content photo.jpg --style painting.jpg --metrics gram,ssim

metrics: {", ".join(n for n, metric in METRICS.items() if not metric.weights)};
with weights of their own: {", ".join(n for n, metric in METRICS.items() if metric.weights)}; \
of a method as a whole: {", ".join(SET_METRICS)}.
Which content and style a result belongs to is told by its file, or by its name CONTENT-STYLE.
"""

Measure = Callable[[Path, Match], dict[str, float]]
"""What gives figures of a result, with what it belongs to."""

_FAILED, _STOPPED = 2, 130
_TABLE, _JSON, _PLOT = "pictures.csv", "evaluation.json", "scatter.png"


def configure(parser: argparse.ArgumentParser) -> None:
    """Add the options of ``evaluate``."""
    add = parser.add_argument
    add("results", nargs="+", metavar="RESULTS", type=Path,
        help="a folder of results; several are compared as methods")  # fmt: skip
    add("--content", required=True, metavar="DIR|FILE", type=Path, help="what was painted")
    add("--style", required=True, metavar="DIR|FILE", type=Path, help="what it was painted like")
    add("-o", "--output", metavar="DIR", type=Path,
        help=f"write {_TABLE}, {_JSON} and {_PLOT}")  # fmt: skip
    add("--metrics", metavar="NAME,…", help="[all whose weights are at hand]")
    add("--encoder", default="compact", metavar="NAME|FILE", help="[compact]")
    add("--size", type=int, default=512, metavar="N",
        help="long side that larger results are judged at [512]")  # fmt: skip
    add_max_pixels(parser)
    add("--temporal", action="store_true",
        help="results are frames of a film: tell its warping error")  # fmt: skip
    add("--no-plot", action="store_true", help="draw no scatter plot (it needs matplotlib)")
    add("--json", action="store_true", help="print JSON instead of a table")
    add("--quiet", action="store_true", help="show no progress")


def run(args: argparse.Namespace) -> int:
    """Evaluator all results and return the exit code: 2 if any could not be judged."""
    asked = None if args.metrics is None else args.metrics.split(",")
    names = at_hand() if asked is None else [name.strip() for name in asked if name.strip()]
    metrics, set_metrics = chosen(names)
    has_plot = bool(args.output) and not args.no_plot and {ACROSS, UP} <= set(metrics)
    if has_plot:
        check_plotting()
    for name in (_TABLE, _JSON, _PLOT) if args.output else ():
        check_writable(args.output / name)
    if args.size < 1:
        raise OptionError(f"--size is {args.size} pixels: choose 1 or more.")
    todo = _results(args.results, args.output)
    if asked is not None and set_metrics:
        _check_sets(set_metrics, todo)
    shelves = PictureIndex(args.content), PictureIndex(args.style)
    film: list[Film] = []
    if args.temporal:
        todo = in_order(todo)
        film = [Film(todo, size=args.size, max_pixels=args.max_pixels)]
    sets: list[Sets] = []
    if set_metrics:
        sets = [Sets(set_metrics, size=args.size, max_pixels=args.max_pixels)]
    judge = Evaluator(
        open_encoder(args.encoder), metrics, size=args.size, max_pixels=args.max_pixels
    )
    judges: list[Measure] = [judge, *film, *sets]
    rows: list[Evaluated] = []
    failed: list[tuple[Path, str]] = []
    with stop_on_interrupt() as request:
        _judge_all(todo, shelves, judges, rows, failed, args, request)
    settings = {"encoder": args.encoder, "size": args.size}
    of_sets = sets[0].figures(rows) if sets else NO_SETS
    report = as_json(rows, failed, settings, of_sets)
    if args.output and rows:
        _write(args.output, rows, report, has_plot=has_plot)
    if args.json:
        print(report)
    elif rows:
        _print(rows, of_sets)
    for _, reason in failed:
        print(f"impasto: {reason}", file=sys.stderr)
    if failed:
        told = f"{len(failed)} of {len(rows) + len(failed)} results could not be judged"
        print(f"impasto: {told}.", file=sys.stderr)
    if request.made:
        print(f"stopped after {len(rows)} of {len(todo)} results", file=sys.stderr)
        return _STOPPED
    return _FAILED if failed else 0


def _results(places: Sequence[Path], output: Path | None) -> list[tuple[str, Path]]:
    """Every result with the name of its method: that of the folder, or of the file."""
    names = [place.resolve().name for place in places]
    todo = []
    for place, name in zip(places, names, strict=True):
        method = name if names.count(name) == 1 else str(place)
        if output is not None and output.resolve() == place.resolve():
            raise OptionError(f"{output} holds the results: name another folder with -o DIR.")
        # What an earlier run put into a folder within this one is no result.
        todo += [(method, path) for path in picture_files(place, apart_from=output)]
    return todo


def _check_sets(names: Sequence[str], todo: Sequence[tuple[str, Path]]) -> None:
    """Refuse figures of sets where a method has too few results for any."""
    methods = [method for method, _ in todo]
    for method in dict.fromkeys(methods):
        if (count := methods.count(method)) < LEAST:
            raise OptionError(
                f"--metrics {','.join(names)} needs at least {LEAST} results of a method, and "
                f"better thousands, not {count} of '{method}'."
            )


def _judge_all(
    todo: Sequence[tuple[str, Path]],
    shelves: tuple[PictureIndex, PictureIndex],
    judges: Sequence[Measure],
    rows: list[Evaluated],
    failed: list[tuple[Path, str]],
    args: argparse.Namespace,
    request: StopRequest,
) -> None:
    quiet = args.quiet or args.json
    for method, path in counted(todo, lambda item: item[1].name, quiet=quiet):
        try:
            metadata = images.read_metadata(path)
            belongs = match(path, metadata, *shelves)
            figures: dict[str, float] = {}
            for judge in judges:
                figures |= judge(path, belongs)
        except ImpastoError as error:
            failed.append((path, sentence(with_file_name(path, error))))
        else:
            figures |= recorded(read_provenance(metadata))
            rows.append(Evaluated(method, path, belongs, figures))
        if request.made:
            return


def _write(folder: Path, rows: list[Evaluated], report: str, *, has_plot: bool) -> None:
    write_csv(folder / _TABLE, rows)
    with replacing(folder / _JSON) as temporary:
        temporary.write_text(report + "\n", encoding="utf-8")
    if has_plot:
        write_scatter(folder / _PLOT, rows)


def _print(rows: list[Evaluated], of_sets: OfSets) -> None:
    """A block of lines for each metric, so that methods stand under each other."""
    means = summary(rows, of_sets)
    several = len(means) > 1
    headings = ["metric", *(["method"] if several else []), "mean", "95 % interval", "better"]
    table = Table(*headings, box=box.SIMPLE_HEAD)
    for name, wanted in BETTER.items():
        label, better = name, wanted
        for method, own in means.items():
            if name in own:
                who = [escape(method)] if several else []
                table.add_row(label, *who, f"{own[name].mean:.4g}", _written(own[name]), better)
                label = better = ""
    console = Console()
    console.print(table)
    for method in means:
        count = sum(row.method == method for row in rows)
        print(f"{method}: {count} picture{'s' * (count != 1)}")


def _written(interval: Interval) -> str:
    if math.isnan(interval.low):
        return "–"
    return f"{interval.low:.4g} … {interval.high:.4g}"
