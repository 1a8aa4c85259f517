"""``impasto models``: list, fetch, add and verify weights and models."""

from __future__ import annotations

import argparse
import dataclasses
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

from impasto.cli.shared.messages import print_json, print_result, say
from impasto.errors import printable, unknown_name
from impasto.runtime.terminal import console
from impasto.weights import store

if TYPE_CHECKING:
    from impasto.runtime.downloads import ProgressCallback

    Subparsers = argparse._SubParsersAction[argparse.ArgumentParser]


def run(args: argparse.Namespace) -> int:
    """Run the chosen ``models`` command and return the exit code."""
    return _COMMANDS[args.models_command](args)


def _list(args: argparse.Namespace) -> int:
    from impasto.networks.catalogue import added_networks

    added = added_networks().values()
    if args.json:
        known = [_description(record) for record in store.WEIGHTS.values()]
        models, styles = [*known, *map(_added_description, added)], _styles()
        print_json([{**model, "styles": styles.get(str(model["name"]), [])} for model in models])
        return 0
    from rich import box
    from rich.markup import escape
    from rich.table import Table
    from rich.text import Text

    headings = ("name", "kind", "state", "size", "licence", "paper")
    # Narrow padding, so that an arXiv number fits in a terminal of 80 columns.
    table = Table(*headings, box=box.SIMPLE_HEAD, pad_edge=False, padding=(0, 1, 0, 0))
    table.columns[-1].min_width = len("arXiv:2003.08436")
    for record in store.WEIGHTS.values():
        path = store.locate(record)
        size = path.stat().st_size if path else record.bytes
        table.add_row(
            record.name, record.kind, _state(record), _size(size), record.licence, record.paper
        )
    for path in added:
        table.add_row(
            escape(printable(path.stem)), "network", "added", _size(path.stat().st_size), "", ""
        )
    print_result(table)
    for name, works in _styles().items():
        text = f"{name} paints in the styles {', '.join(works)}"
        print_result(Text(printable(text)))
    return 0


def _fetch(args: argparse.Namespace) -> int:
    with _progress_bar(args.name) as progress:
        path = store.fetch(args.name, force=args.force, progress=progress)
    say(f"{args.name}: {path}")
    return 0


def _add(args: argparse.Namespace) -> int:
    record = store.WEIGHTS.get(args.name)
    if record is not None and record.urls:
        path = store.add(args.name, args.file)
    else:
        from impasto.networks.catalogue import add_network

        path = add_network(args.name, args.file, overwrite=args.overwrite)
    say(f"{args.name}: {path}")
    return 0


def _verify(args: argparse.Namespace) -> int:
    """Verify weights; the exit code is 1 if any is broken, or the named one is missing."""
    from impasto.networks.catalogue import added_networks, verify_network

    added = added_networks()
    known = [*store.WEIGHTS, *added]
    if args.name and args.name not in known:
        raise unknown_name("weight", args.name, known)
    failed, lines = False, []
    for name in [args.name] if args.name else known:
        status = verify_network(added[name]) if name in added else store.verify(name)
        lines.append(printable(". ".join(filter(None, (f"{name}: {status.state}", status.reason)))))
        failed |= status.state == "broken" or (status.state == "missing" and bool(args.name))
    print_result("\n".join(lines))
    return int(failed)


def _description(record: store.WeightRecord) -> dict[str, object]:
    path = store.locate(record)
    return {
        **dataclasses.asdict(record),
        "source": record.source,
        "state": _state(record),
        "path": str(path) if path else None,
    }


def _added_description(path: Path) -> dict[str, object]:
    return {"name": path.stem, "kind": "network", "source": "added", "path": str(path)}


def _styles() -> dict[str, list[str]]:
    from impasto.networks.catalogue import named_styles

    return named_styles()


def _state(record: store.WeightRecord) -> str:
    if store.locate(record) is None:
        return "missing" if record.source == "embedded" else "not fetched"
    return "built in" if record.source == "embedded" else "cached"


def _size(count: int) -> str:
    if not count:
        return "–"
    return f"{count / 1e6:,.1f} MB" if count >= 1e5 else f"{count / 1e3:,.1f} kB"


@contextmanager
def _progress_bar(title: str) -> Iterator[ProgressCallback]:
    """A progress bar with speed and time left, if stderr is a terminal."""
    from rich import progress

    bars = console(stderr=True)
    columns = (
        progress.TextColumn("{task.description}"),
        progress.BarColumn(),
        progress.DownloadColumn(),
        progress.TransferSpeedColumn(),
        progress.TimeRemainingColumn(),
    )
    with progress.Progress(*columns, console=bars, disable=not bars.is_terminal) as bar:
        task = bar.add_task(title, total=None)
        yield lambda done, total: bar.update(task, completed=done, total=total or None)


_COMMANDS: Mapping[str, Callable[[argparse.Namespace], int]] = {
    "list": _list,
    "fetch": _fetch,
    "add": _add,
    "verify": _verify,
}
