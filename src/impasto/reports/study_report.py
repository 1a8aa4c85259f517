"""A study as a page: the grid, what each cell came to, and what they have in common."""

from __future__ import annotations

import shlex
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from impasto import images
from impasto.recipes.recipe import Recipe
from impasto.reports.html import check_page, thumbnail, write_page
from impasto.reports.parts import Figure, recipe_entries
from impasto.reports.tradeoff_plot import Point, tradeoff
from impasto.runtime.optional import require
from impasto.studies.study import StudyRun, Sweep, losses_told

BY = "The page"
"""What says so if something is missing."""

_CELL = 512
_INPUT = 320
_QUALITY = 80
_UNITS = (
    "encoder", "pooling", "style_loss", "style_layers", "content_layers", "normalization",
    "content_normalization",
)  # fmt: skip
"""Entries that decide what the losses measure."""


@dataclass(frozen=True)
class Heading:
    """Of a row or a column.

    Attributes:
        mark: A letter or a number, for short.
        entry: What is swept.
        name: Its value.
    """

    mark: str
    entry: str
    name: str


@dataclass(frozen=True)
class Cell:
    """A picture of the grid.

    Attributes:
        mark: Those of its row and column.
        about: Their values.
        image: A data URI; empty if it is not painted yet.
        size: Width and height in pixels.
        losses: Term → its loss without its weight.
        file: Where it is kept.
    """

    mark: str
    about: str = ""
    image: str = ""
    size: tuple[int, int] = (1, 1)
    losses: Sequence[tuple[str, str]] = ()
    file: str = ""


def check_grid_page(path: Path) -> None:
    """Whether a page can be made, for before long work.

    Raises:
        OptionError: If the path is no page's, or what pages are made with is missing.
    """
    check_page(path, by=BY)
    require("matplotlib", by=BY)


def write_grid_page(path: Path, work: StudyRun, *, command: Sequence[str]) -> Path:
    """Write the page of what is painted of a study, whole or not at all.

    Args:
        path: The page.
        work: The study.
        command: The words that made it.
    """
    study = work.study
    swept = [sweep.entry for sweep in study.sweeps]
    columns = _headings(study.columns, [str(i) for i in range(1, len(study.columns.names) + 1)])
    letters = [letters_of(i) for i in range(len(study.rows.names) if study.rows else 1)]
    rows = _headings(study.rows, letters) if study.rows else [Heading(letters[0], "", "")]
    points: list[Point] = []
    cells = []
    for index, (name, recipe) in enumerate(study.cells):
        row, column = divmod(index, len(columns))
        headings = [heading for heading in (rows[row], columns[column]) if heading.entry]
        mark = rows[row].mark + columns[column].mark
        about = f"{mark}: " + ", ".join(f"{h.entry} {h.name}" for h in headings)
        file = work.file(name)
        if not file.exists():
            cells.append(Cell(mark))
            continue
        losses = unweighted(losses_told(images.read_metadata(file)), recipe)
        cells.append(_cell(mark, about, file, losses))
        if {"content", "style"} <= losses.keys():
            points.append(Point(mark, row, losses["content"], losses["style"]))
    width = len(columns)
    return write_page(
        path,
        "compare.html",
        title=f"{work.content_path.name} in the manner of {work.style_path.name}",
        inputs=[
            Figure(
                thumbnail(images.read(source, max_pixels=work.max_pixels), _INPUT),
                f"{what}: {source}",
            )
            for what, source in (("content", work.content_path), ("style", work.style_path))
        ],
        heading=" × ".join(_spaced(entry) for entry in swept),
        note=_note(swept),
        has_rows=study.rows is not None,
        columns=columns,
        rows=[(row, cells[i * width : (i + 1) * width]) for i, row in enumerate(rows)],
        plot=tradeoff(points) if len(points) > 1 else "",
        plot_note=f"The line joins the cells{' of each row' if len(rows) > 1 else ''} in order.",
        command=shlex.join(["impasto", *command]),
        entries=recipe_entries(study.recipe, without=swept),
    )


def letters_of(index: int) -> str:
    """Rows as spreadsheets call columns: A, B … Z, AA, AB."""
    before, last = divmod(index, 26)
    return (letters_of(before - 1) if before else "") + chr(ord("A") + last)


def unweighted(losses: Mapping[str, float], recipe: Recipe) -> dict[str, float]:
    """Losses divided by the weights of their terms, so that cells of other weights compare."""
    weights = {
        "content": recipe.content_weight,
        "style": recipe.style_weight,
        "laplacian": recipe.laplacian_weight,
        "tv": recipe.tv_weight * recipe.strength,
    }
    return {name: value / weights[name] for name, value in losses.items() if weights.get(name)}


def _headings(sweep: Sweep, marks: Sequence[str]) -> list[Heading]:
    entry = _spaced(sweep.entry)
    return [Heading(mark, entry, name) for mark, name in zip(marks, sweep.names, strict=True)]


def _cell(mark: str, about: str, file: Path, losses: Mapping[str, float]) -> Cell:
    picture = images.read(file)
    height, width = images.fit_size(picture.size, _CELL, max_enlarge=1.0)
    told = [(name, f"{value:.3g}") for name, value in losses.items()]
    image = thumbnail(picture, _CELL, quality=_QUALITY)
    return Cell(mark, about, image, (width, height), told, str(file))


def _note(swept: Sequence[str]) -> str:
    note = "Under each picture its losses at the last step, without their weights."
    if units := [_spaced(entry) for entry in swept if entry in _UNITS]:
        note += (
            f" Those of different {' and '.join(units)} have different units: do not compare them."
        )
    return note


def _spaced(entry: str) -> str:
    return entry.replace("_", " ")
