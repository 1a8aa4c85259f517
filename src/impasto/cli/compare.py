"""``impasto compare``: one pair of pictures under many recipes, as a grid."""

from __future__ import annotations

import argparse
import csv
from pathlib import Path

from PIL import Image

from impasto import images
from impasto.cli.counting import counting_bar
from impasto.cli.options import add_recipe_options, recipe_from
from impasto.errors import OptionError
from impasto.files import check_writable, replacing
from impasto.grids import grid
from impasto.interrupts import stop_on_interrupt
from impasto.recipes import FIELDS
from impasto.studies import STUDIES, Study, StudyRun, parse_sweep

EXAMPLES = """\
examples:
  impasto compare photo.jpg painting.jpg --sweep style-weight=1,10,100 -o weights.png
  impasto compare photo.jpg painting.jpg --sweep content-weight=0.02,0.1,0.5 \\
      --sweep layers=relu1_1,+relu2_1,+relu3_1,+relu4_1,+relu5_1 -o grid.png --size 256
  impasto compare photo.jpg painting.jpg --study gatys2015 -o figure-3.png

The first of two sweeps gives the rows. Pictures are kept in OUT-cells/: after an interruption the
same command goes on from there.
"""


def configure(parser: argparse.ArgumentParser) -> None:
    """Add the options of ``compare``."""
    parser.add_argument("content", metavar="CONTENT", type=Path, help="the photograph")
    parser.add_argument("style", metavar="STYLE", type=Path, help="the picture to paint like")
    parser.add_argument("-o", "--output", required=True, metavar="FILE", type=Path,
                        help="the grid to make; FILE.csv gets the losses")  # fmt: skip
    parser.add_argument("--sweep", action="append", default=[], metavar="ENTRY=A,B,…",
                        help="an entry of the recipe and its values; once or twice")  # fmt: skip
    parser.add_argument("--study", choices=tuple(STUDIES), metavar="NAME",
                        help="; ".join(f"{k}: {v.about}" for k, v in STUDIES.items()))  # fmt: skip
    parser.add_argument("--cells", metavar="DIR", type=Path, help="of the pictures [OUT-cells/]")
    parser.add_argument("--cell-height", type=int, default=240, metavar="N",
                        help="of a picture in the grid, in pixels [240]")  # fmt: skip
    parser.add_argument("--quiet", action="store_true", help="show no progress")
    add_recipe_options(parser)


def run(args: argparse.Namespace) -> int:
    """Paint what is not painted yet, lay out the grid, and return the exit code."""
    study = _study(args)
    images.check_output(args.output)
    table = args.output.with_suffix(".csv")
    check_writable(table)
    if args.cell_height < 16:
        raise OptionError(f"--cell-height is 16 or more, not {args.cell_height}.")
    for path in (args.content, args.style):
        images.read(path, long_side=32)  # a mistake is told before hours of work
    folder = args.cells or args.output.with_name(f"{args.output.stem}-cells")
    work = StudyRun(study, args.content, args.style, folder)
    stopped = _paint(work, args)
    made = [name for name, _ in study.cells if work.file(name).exists()]
    if made:
        _lay_out(work, args)
        _tabulate(work, table)
    if stopped:
        print(f"{args.output}: stopped after {len(made)} of {len(study.cells)} pictures; "
              "the same command goes on from here")  # fmt: skip
        return 130
    print(f"{args.output}: {len(study.cells)} pictures; losses in {table}")
    return 0


def _study(args: argparse.Namespace) -> Study:
    if bool(args.study) == bool(args.sweep):
        raise OptionError("Say what to compare: --sweep ENTRY=A,B,… or --study NAME.")
    if args.sweep:
        return Study(recipe_from(args), tuple(parse_sweep(text) for text in args.sweep))
    known = STUDIES[args.study]
    given = {name: getattr(args, name, None) for name in FIELDS}
    changes = {name: value for name, value in given.items() if value is not None}
    if taken := [sweep.entry for sweep in known.sweeps if sweep.entry in changes]:
        raise OptionError(f"The study {args.study} sweeps {taken[0]} itself: leave it out.")
    return Study(known.recipe.replace(**changes), known.sweeps, known.about)


def _paint(work: StudyRun, args: argparse.Namespace) -> bool:
    """Paint the cells that are not there; whether Ctrl-C stopped it."""
    cells = work.study.cells
    with counting_bar(quiet=args.quiet) as progress, stop_on_interrupt() as request:
        task = progress.add_task("pictures", total=len(cells))
        for name, recipe in cells:
            if not work.is_done(name, recipe):
                for step in work.paint(name, recipe):
                    told = f"{max(step.size)} px {step.step}/{step.of}"
                    progress.update(task, description=told)
                    if request.made:
                        return True  # a picture half painted is not kept
            progress.advance(task)
            if request.made:
                return True
    return False


def _lay_out(work: StudyRun, args: argparse.Namespace) -> None:
    study = work.study
    width = len(study.columns.values)
    pictures: list[Image.Image | None] = []
    for name, _ in study.cells:
        path = work.file(name)
        pictures.append(Image.open(path).convert("RGB") if path.exists() else None)
    rows = [pictures[i : i + width] for i in range(0, len(pictures), width)]
    sheet = grid(
        rows,
        row_names=_headings(study.rows.entry, study.rows.names) if study.rows else (),
        column_names=_headings(study.columns.entry, study.columns.names),
        height=args.cell_height,
    )
    with replacing(args.output) as temporary:
        sheet.save(temporary, quality=92)


def _headings(entry: str, names: tuple[str, ...]) -> list[str]:
    """The first tells what is swept."""
    told = entry.replace("_", " ")
    return [f"{told} {name}" if index == 0 else name for index, name in enumerate(names)]


def _tabulate(work: StudyRun, table: Path) -> None:
    """What every cell came to, as CSV."""
    columns = [sweep.entry for sweep in work.study.sweeps]
    names = [
        (row, column)
        for row in (work.study.rows.names if work.study.rows else ("",))
        for column in work.study.columns.names
    ]
    with replacing(table) as temporary, temporary.open("w", newline="") as file:
        writer = csv.writer(file)
        writer.writerow([*columns, "picture", "losses"])
        for (name, _), chosen in zip(work.study.cells, names, strict=True):
            path = work.file(name)
            if path.exists():
                losses = images.read_metadata(path).get("losses", "")
                writer.writerow([*chosen[-len(columns) :], path, losses])
