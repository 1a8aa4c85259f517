"""``impasto compare``: one pair of pictures painted with many recipes, as a grid."""

from __future__ import annotations

import argparse
import contextlib
import csv
import itertools
import sys
from collections.abc import Callable, Generator, Sequence
from functools import partial
from pathlib import Path

from impasto import images
from impasto.cli.shared.counting import counting_bar
from impasto.cli.shared.exit_codes import INTERRUPTED
from impasto.cli.shared.messages import counted_noun, print_note, say
from impasto.cli.shared.outputs import check_apart, check_replaceable, write_sheet
from impasto.cli.shared.recipe_options import given_entries, recipe_from
from impasto.errors import OptionError
from impasto.images.contact_sheet import picture_grid
from impasto.jobs.events import Note, Progress
from impasto.jobs.requests import as_region_specs
from impasto.recipes.recipe import Recipe
from impasto.reports.html import PAGE_ENDINGS
from impasto.reports.study_report import check_grid_page, write_grid_page
from impasto.runtime.devices import find_device
from impasto.runtime.files import (
    absolute,
    atomic_write,
    check_writable,
    shown,
    write_or_keep_elsewhere,
)
from impasto.runtime.interrupts import NOTICE, StepAbandoned, StopRequest, stop_on_interrupt
from impasto.runtime.memory import keep_freed_memory
from impasto.runtime.text_files import open_table
from impasto.studies.study import STUDIES, Study, StudyRun, Sweep, parse_sweep, read_losses
from impasto.studies.workers import (
    Cell,
    check_workers,
    default_workers,
    most_bytes,
    paint_cells,
)
from impasto.weights.open import choose_encoder, substitute_notice


def run(args: argparse.Namespace) -> int:
    """Paint the missing cells, write the grid and the table, and return the exit code."""
    study = _study(args)
    # The working folder may be removed before they are written.
    sheet, page = (None if path is None else absolute(path) for path in _outputs(args))
    table = absolute(args.output.with_suffix(".csv"))
    outputs = [("-o", args.output), ("--report", args.report), ("the table of losses", table)]
    folder = args.cells or args.output.with_name(f"{args.output.stem}-cells")
    masks = {"mask": args.mask, "style_mask": args.style_mask}
    regions = as_region_specs(args.regions)
    work = StudyRun(study, args.content, args.style, folder, **masks, regions=regions)
    check_apart(outputs, work.request(study.recipe).files)
    for flag, path in outputs:
        if path is not None:
            remedy = "-o" if path is table else flag  # which names the table, too
            check_replaceable(path, remedy, overwrite=args.overwrite)
    if not 16 <= args.cell_height <= 4096:
        raise OptionError(f"--cell-height is 16 to 4096, not {args.cell_height}.")
    if args.workers is not None:
        check_workers(args.workers)
    for path in (args.content, args.style):
        # Report an unreadable picture before hours of work.
        images.read(path, long_side=32, max_pixels=args.max_pixels)
    work.max_pixels, work.device = args.max_pixels, find_device(args.device)
    work.find_finished(overwrite=args.overwrite)
    stopped = _paint(work, args)
    painted = len(work.finished)
    if painted:
        if sheet:
            grid = partial(_write_grid, work, height=args.cell_height)
            write_or_keep_elsewhere(sheet, grid).check("the grid")
        if page:
            write_grid_page(page, work, command=sys.argv[1:])
        _write_table(work, table)
    if stopped:
        of_all = f"{painted} of {counted_noun(len(study.cells), 'picture')}"
        say(f"{args.output}: stopped after {of_all}; the same command continues")
        return INTERRUPTED
    report = f"; page {shown(page)}" if sheet and page else ""
    pictures = counted_noun(len(study.cells), "picture")
    say(f"{args.output}: {pictures}; losses in {shown(table)}{report}")
    return 0


def _outputs(args: argparse.Namespace) -> tuple[Path | None, Path | None]:
    """The grid's picture and page; one of them may be None."""
    is_page = args.output.suffix.lower() in PAGE_ENDINGS
    if is_page and args.report:
        raise OptionError(f"{args.output} is a page already: leave out --report, or name -o .png.")
    page = args.output if is_page else args.report
    if page:
        check_grid_page(page)
        check_writable(page)
    return None if is_page else images.check_output(args.output), page


def _study(args: argparse.Namespace) -> Study:
    if bool(args.study) == bool(args.sweep):
        raise OptionError("Choose what to compare: --sweep ENTRY=A,B,… or --study NAME.")
    if args.sweep:
        recipe = _with_encoder_at_hand(recipe_from(args), args)
        return Study(recipe, tuple(parse_sweep(text) for text in args.sweep))
    known = STUDIES[args.study]
    changes = given_entries(args)
    if swept := [sweep.entry for sweep in known.sweeps if sweep.entry in changes]:
        raise OptionError(f"The study {args.study} sweeps {swept[0]} itself: leave it out.")
    return Study(known.recipe.replace(**changes), known.sweeps, known.about)


def _with_encoder_at_hand(recipe: Recipe, args: argparse.Namespace) -> Recipe:
    """The recipe with the encoder that is used, which is told once for all cells."""
    if not isinstance(recipe.encoder, str):
        return recipe
    notice = substitute_notice(recipe.encoder)
    if notice and not args.quiet:
        print_note(Note(notice))
    return recipe.replace(encoder=choose_encoder(recipe.encoder))


def _paint(work: StudyRun, args: argparse.Namespace) -> bool:
    """Paint the missing cells; returns whether Ctrl-C stopped it."""
    cells = work.study.cells
    todo = [cell for cell in cells if cell[0] not in work.finished]
    workers = args.workers or default_workers(work, todo)
    if todo and find_device(work.device).type == "cpu":
        keep_freed_memory(workers * most_bytes(work, todo))
    with (
        counting_bar(quiet=args.quiet) as progress,
        stop_on_interrupt("" if args.quiet else NOTICE) as request,
    ):
        task = progress.add_task("pictures", total=len(cells), completed=len(cells) - len(todo))

        def show(step: Progress) -> None:
            progress.update(task, description=f"{max(step.size)} px {step.step}/{step.of}")

        if workers > 1:
            progress.update(task, description=f"{min(workers, len(todo))} at a time")
            painted = paint_cells(work, todo, workers, request)
        else:
            painted = _paint_in_turn(work, todo, request, show)
        with contextlib.closing(painted), contextlib.suppress(StepAbandoned):
            for name in painted:
                work.finished.add(name)
                progress.advance(task)
        return request.made


def _paint_in_turn(
    work: StudyRun, todo: Sequence[Cell], request: StopRequest, show: Callable[[Progress], None]
) -> Generator[str]:
    """Paint cells in this process; yields the name of each after its picture is saved."""
    for name, recipe in todo:
        for step in work.paint(name, recipe):
            show(step)
            if request.made:
                return  # an unfinished picture is not kept
        yield name
        if request.made:
            return


def _write_grid(work: StudyRun, output: Path, height: int) -> None:
    study = work.study
    width = len(study.columns.values)
    pictures = [
        images.to_pil(images.read(work.file(name)).tensor) if name in work.finished else None
        for name, _ in study.cells
    ]
    sheet = picture_grid(
        [pictures[i : i + width] for i in range(0, len(pictures), width)],
        row_names=_headings(study.rows) if study.rows else (),
        column_names=_headings(study.columns),
        height=height,
    )
    write_sheet(output, sheet)


def _headings(sweep: Sweep) -> list[str]:
    """The names of a sweep's values; the first one begins with the entry."""
    first, *others = sweep.names
    return [f"{sweep.entry.replace('_', ' ')} {first}", *others]


def _write_table(work: StudyRun, table: Path) -> None:
    """Write the losses of every cell as CSV."""
    sweeps = work.study.sweeps
    combinations = itertools.product(*(sweep.names for sweep in sweeps))
    cells = [name for name, _ in work.study.cells if name in work.finished]
    losses = {name: read_losses(images.read_metadata(work.file(name))) for name in cells}
    terms = list(dict.fromkeys(term for of_cell in losses.values() for term in of_cell))
    with atomic_write(table) as temporary, open_table(temporary, "w") as file:
        writer = csv.writer(file)
        writer.writerow([*(sweep.entry for sweep in sweeps), "picture", *terms])
        for (name, _), values in zip(work.study.cells, combinations, strict=True):
            if name in losses:
                row = [losses[name].get(term, "") for term in terms]
                writer.writerow([*values, shown(work.file(name)), *row])
