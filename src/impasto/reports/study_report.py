"""The page of a study: its grid of pictures with their losses, and the common recipe."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from impasto import images
from impasto.recipes.recipe import Recipe
from impasto.reports.html import check_page, thumbnail, write_page
from impasto.reports.parts import Figure, recipe_entries
from impasto.reports.tradeoff_plot import Point, tradeoff_plot
from impasto.runtime.command_text import command_line
from impasto.runtime.optional import require
from impasto.studies.study import StudyRun, Sweep, read_losses

_PAGE = "The page"  # the subject of error messages
_CELL_SIDE = 512
_INPUT_SIDE = 320
_QUALITY = 80
_DEFINE_LOSSES = (
    "encoder", "pooling", "style_loss", "style_layers", "content_layers", "normalization",
    "content_normalization",
)  # fmt: skip
"""Recipe entries that change what the losses measure."""


@dataclass(frozen=True)
class Heading:
    """Heading of a row or a column.

    Attributes:
        mark: Letter of the row or number of the column.
        entry: The swept recipe entry.
        name: Its value.
    """

    mark: str
    entry: str
    name: str


@dataclass(frozen=True)
class Cell:
    """A picture of the grid.

    Attributes:
        mark: Marks of its row and column, such as ``B2``.
        about: Mark and values of the swept entries.
        image: Data URI; empty if it is not painted yet.
        size: Width and height in pixels.
        losses: Term and its unweighted loss.
        file: Its path.
    """

    mark: str
    about: str = ""
    image: str = ""
    size: tuple[int, int] = (1, 1)
    losses: Sequence[tuple[str, str]] = ()
    file: str = ""


def check_grid_page(path: Path) -> None:
    """Check that a page can be written, before long work.

    Raises:
        OptionError: The file name has another ending, or an optional package is missing.
    """
    check_page(path, by=_PAGE)
    require("matplotlib", by=_PAGE)


def write_grid_page(path: Path, study_run: StudyRun, *, command: Sequence[str]) -> Path:
    """Write the page of a study, as far as it is painted, atomically."""
    study = study_run.study
    swept = [sweep.entry for sweep in study.sweeps]
    columns = _headings(study.columns, [str(i) for i in range(1, len(study.columns.names) + 1)])
    letters = [row_letters(i) for i in range(len(study.rows.names) if study.rows else 1)]
    rows = _headings(study.rows, letters) if study.rows else [Heading(letters[0], "", "")]
    points: list[Point] = []
    cells = []
    for index, (name, recipe) in enumerate(study.cells):
        row, column = divmod(index, len(columns))
        headings = [heading for heading in (rows[row], columns[column]) if heading.entry]
        mark = rows[row].mark + columns[column].mark
        about = f"{mark}: " + ", ".join(f"{h.entry} {h.name}" for h in headings)
        file = study_run.file(name)
        if name not in study_run.finished:
            cells.append(Cell(mark))
            continue
        losses = unweighted_losses(read_losses(images.read_metadata(file)), recipe)
        cells.append(_cell(mark, about, file, losses))
        if {"content", "style"} <= losses.keys():
            points.append(Point(mark, row, losses["content"], losses["style"]))
    width = len(columns)
    sources = (("content", study_run.content_path), ("style", study_run.style_path))
    return write_page(
        path,
        "compare.html",
        title=f"{study_run.content_path.name} in the style of {study_run.style_path.name}",
        inputs=[
            Figure(
                thumbnail(images.read(source, max_pixels=study_run.max_pixels), _INPUT_SIDE),
                f"{what}: {source}",
            )
            for what, source in sources
        ],
        heading=" × ".join(_spaced(entry) for entry in swept),
        note=_note(swept),
        has_rows=study.rows is not None,
        columns=columns,
        rows=[(row, cells[i * width : (i + 1) * width]) for i, row in enumerate(rows)],
        plot=tradeoff_plot(points) if len(points) > 1 else "",
        plot_note=f"The line joins the cells{' of each row' if len(rows) > 1 else ''} in order.",
        command=command_line(["impasto", *command]),
        entries=recipe_entries(study.recipe, without=swept),
    )


def row_letters(index: int) -> str:
    """Name of a row as in spreadsheets: A, B … Z, AA, AB."""
    prefix, last = divmod(index, 26)
    return (row_letters(prefix - 1) if prefix else "") + chr(ord("A") + last)


def unweighted_losses(losses: Mapping[str, float], recipe: Recipe) -> dict[str, float]:
    """Losses divided by the weights of their terms, comparable across weights."""
    weights = {
        "content": recipe.content_weight,
        "style": recipe.style_weight,
        "laplacian": recipe.laplacian_weight,
        "structure": recipe.structure_weight * recipe.content_weight,
        "pattern": recipe.pattern_weight * recipe.strength,
        "tv": recipe.tv_weight * recipe.strength,
    }
    return {name: value / weights[name] for name, value in losses.items() if weights.get(name)}


def _headings(sweep: Sweep, marks: Sequence[str]) -> list[Heading]:
    entry = _spaced(sweep.entry)
    return [Heading(mark, entry, name) for mark, name in zip(marks, sweep.names, strict=True)]


def _cell(mark: str, about: str, file: Path, losses: Mapping[str, float]) -> Cell:
    picture = images.read(file)
    height, width = images.fit_size(picture.size, _CELL_SIDE, max_enlarge=1.0)
    numbers = [(name, f"{value:.3g}") for name, value in losses.items()]
    image = thumbnail(picture, _CELL_SIDE, quality=_QUALITY)
    return Cell(mark, about, image, (width, height), numbers, str(file))


def _note(swept: Sequence[str]) -> str:
    note = "Below each picture are its losses at the last step, without their weights."
    if entries := [_spaced(entry) for entry in swept if entry in _DEFINE_LOSSES]:
        note += f" Losses of different {' and '.join(entries)} do not compare: their units differ."
    return note


def _spaced(entry: str) -> str:
    return entry.replace("_", " ")
