"""``impasto export``: write a one-pass model for other runtimes."""

from __future__ import annotations

import argparse
from typing import Any

from impasto.cli.shared.messages import print_json, say
from impasto.cli.shared.share_bar import share_bar
from impasto.export.folder import export_model


def run(args: argparse.Namespace) -> int:
    """Export the model, print its files, and return the exit code."""
    with share_bar(hidden=args.quiet or args.json) as progress:
        description = export_model(
            args.model,
            args.output,
            formats=list(dict.fromkeys(args.format)),
            precisions=list(dict.fromkeys(args.precision)),
            overwrite=args.overwrite,
            progress=progress,
        )
    if args.json:
        print_json(description)
        return 0
    for part in ("painter", "reader"):
        for entry in _files(description.get(part, {})):
            say(f"{args.output / entry['file']}: {entry['bytes'] / 1e6:.1f} MB{_note(entry)}")
    return 0


def _files(part: dict[str, Any]) -> list[dict[str, Any]]:
    archives = [part["pt2"]] if "pt2" in part else []
    return [*part.get("files", {}).values(), *archives]


def _note(entry: dict[str, Any]) -> str:
    if "difference" not in entry:
        return ""
    mean, largest = entry["difference"]
    return f", differs from PyTorch by {mean:.1g} on average, {largest:.1g} at most"
