"""Figures as a table, CSV and JSON, and the pictures as sheets at their own size."""

from __future__ import annotations

import csv
import json
import math
import platform
import statistics
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import torch
from PIL import Image

import impasto
from impasto.images.contact_sheet import BACKGROUND, CaptionedImage, contact_sheet
from impasto.runtime.files import atomic_write

Rows = Mapping[str, Mapping[str, Mapping[str, float]]]
"""Method → pair → figure → value; a figure may be missing for some pairs."""

_ROW = 3
"""Pictures in a row of a sheet."""


def averages(rows: Mapping[str, Mapping[str, float]], columns: Sequence[str]) -> dict[str, Any]:
    """Figure → mean and median over the pairs that have it, and their number."""
    found = {}
    for column in columns:
        values = [row[column] for row in rows.values() if column in row]
        if values:
            mean, median = statistics.fmean(values), statistics.median(values)
            found[column] = {"mean": mean, "median": median, "pairs": len(values)}
    return found


def table(rows: Rows, columns: Sequence[str], average: str) -> str:
    """A table in Markdown, a line for each method; missing figures are dashes.

    Args:
        rows: The figures.
        columns: Which of them, in order.
        average: ``"mean"`` or ``"median"``.
    """
    lines = [f"| {average} | {' | '.join(columns)} |", f"|{'---|' * (len(columns) + 1)}"]
    for method, pairs in rows.items():
        found = averages(pairs, columns)
        cells = [number(found[c][average]) if c in found else "–" for c in columns]
        lines.append(f"| {method} | {' | '.join(cells)} |")
    return "\n".join(lines)


def number(value: float) -> str:
    """Three digits, or three decimals for small ones, without the zero before the point."""
    decimals = max(0, min(3, 2 - math.floor(math.log10(abs(value))))) if value else 0
    text = f"{value:.{decimals}f}"
    return text.replace("0.", ".", 1) if text.lstrip("-").startswith("0.") else text


def write_csv(path: Path, rows: Rows, columns: Sequence[str]) -> None:
    """A line for each method and pair."""
    with atomic_write(path) as temporary, temporary.open("w", newline="", encoding="utf-8") as file:
        writer = csv.DictWriter(file, ["method", "pair", *columns])
        writer.writeheader()
        for method, pairs in rows.items():
            for pair, row in pairs.items():
                writer.writerow({"method": method, "pair": pair, **row})


def write_json(path: Path, rows: Rows, columns: Sequence[str], settings: Mapping[str, Any]) -> None:
    """All figures, their means and medians, and what they were measured with."""
    about = {
        "impasto": impasto.__version__,
        "torch": torch.__version__,
        "machine": platform.machine(),
        **settings,
    }
    methods = {
        method: {"averages": averages(pairs, columns), "pairs": pairs}
        for method, pairs in rows.items()
    }
    with atomic_write(path) as temporary:
        text = json.dumps({"about": about, "methods": methods}, indent=1, ensure_ascii=False)
        temporary.write_text(text, encoding="utf-8")


def sheet(cells: Sequence[CaptionedImage]) -> Image.Image:
    """Pictures at their own size, pixel for pixel, three in a row, with captions."""
    rows = [_row(cells[start : start + _ROW]) for start in range(0, len(cells), _ROW)]
    width, height = max(row.width for row in rows), sum(row.height for row in rows)
    whole = Image.new("RGB", (width, height), BACKGROUND)
    top = 0
    for row in rows:
        whole.paste(row, (0, top))
        top += row.height
    return whole


def _row(cells: Sequence[CaptionedImage]) -> Image.Image:
    height = max(cell.image.height for cell in cells)
    padded = []
    for cell in cells:
        canvas = Image.new("RGB", (cell.image.width, height), BACKGROUND)
        canvas.paste(cell.image, (0, 0))
        padded.append(CaptionedImage(canvas, cell.caption))
    return contact_sheet([padded], height=height)
