"""``impasto stylize``: pictures and folders of pictures painted in one pass."""

from __future__ import annotations

import argparse
import json
import os
import sys
import time
from collections.abc import Iterator, Mapping, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path

from rich.progress import Progress, TaskID
from torch import Tensor

from impasto import images
from impasto.cli.shared.batch import Work, plan
from impasto.cli.shared.counting import counting_bar
from impasto.cli.shared.limits import add_max_pixels
from impasto.cli.shared.messages import sentence
from impasto.cli.shared.outputs import check_apart, files_of_regions
from impasto.cli.shared.progress import clock
from impasto.cli.shared.recipe_options import parse_styles
from impasto.errors import ImageError, ImpastoError, OptionError, with_file_name
from impasto.images.picture import Picture
from impasto.jobs.results import Stylized, describe
from impasto.onepass.style_files import save_style
from impasto.onepass.stylizer import StyleSource, Stylizer, sparing
from impasto.recipes.recipe import Recipe, choices
from impasto.regions.masks import parse_region
from impasto.regions.regions import name_of, read_regions
from impasto.runtime.interrupts import stop_on_interrupt
from impasto.runtime.memory import keep_freed_memory, parse_bytes, return_freed_memory
from impasto.runtime.precision import PRECISIONS

EXAMPLES = """\
examples:
  impasto stylize photo.jpg --style painting.jpg -o out.png
  impasto stylize a.jpg b.png holiday/ --style great-wave -o painted/
  impasto stylize photo.jpg --style great-wave:0.6 scream:0.4 --strength 0.8 -o out.png
  impasto stylize photo.jpg --style painting.jpg --colour content --size 4096 -o out.jpg
"""

COLOURS: Mapping[str, str] = {
    "colour": "whose colours",
    "colour_space": "",
    "colour_match": "how `match` recolours",
}
"""Entries of a recipe that mean the same here, and what to say of them."""

_FAILED = 2


def configure(parser: argparse.ArgumentParser) -> None:
    """Add the options of ``stylize``."""
    add = parser.add_argument
    add("contents", nargs="+", metavar="PICTURE", type=Path, help="pictures, or folders of them")
    add("--style", required=True, nargs="+", action="extend", metavar="STYLE[:WEIGHT]",
        help="a picture, a style's name (see `impasto models list`) or a saved style; several "
             "are mixed")  # fmt: skip
    add("-o", "--output", required=True, metavar="PATH", type=Path,
        help="a picture file, or a folder, where names are kept")  # fmt: skip
    add("--model", metavar="NAME|FILE", help="any, multi or your own [as the style needs]")
    most = f"at most {images.MAX_ENLARGE:g} times a picture's own"
    add("--size", type=int, metavar="N", help=f"long side in pixels, {most} [as it is]")
    add("--strength", type=float, default=1.0, metavar="X", help="0 to 1 [1]")
    # One source of every default: the recipe.
    for name, about in COLOURS.items():
        default = getattr(Recipe, name)
        add(f"--{name.replace('_', '-')}", default=default, choices=choices(name),
            help=f"{about} [{default}]".lstrip())  # fmt: skip
    regions = parser.add_argument_group("where (one picture)")
    regions.add_argument(
        "--mask", metavar="FILE", type=Path, help="label picture of the photograph"
    )
    regions.add_argument(
        "--style-mask", metavar="FILE", type=Path, help="label picture of the style"
    )
    regions.add_argument("--region", dest="regions", action="append", default=[],
                       metavar="NAME=MASK[@STYLE][:STYLEMASK]",
                       help="one region; may be repeated")  # fmt: skip
    regions.add_argument("--feather", type=float, default=0.0, metavar="X",
                       help="blur of the regions' edges, share of the long side [0]")  # fmt: skip
    files = parser.add_argument_group("files")
    files.add_argument("--format", choices=tuple(sorted({s[1:] for s in images.FORMATS})),
                       help="of the pictures in a folder [as each is]")  # fmt: skip
    files.add_argument("--overwrite", action="store_true", help="paint what is painted already")
    files.add_argument("--quality", type=int, default=95, metavar="N", help="of JPEG, WebP [95]")
    files.add_argument("--save-style", metavar="FILE", type=Path,
                       help="keep the style read (.safetensors), for --style")  # fmt: skip
    add_max_pixels(parser)
    add("--memory", metavar="SIZE", help="to stay within, such as 2GB [two thirds of the free]")
    add("--precision", default="auto", choices=PRECISIONS, help="[auto]")
    add("--json", action="store_true", help="print what was made as JSON")
    add("--quiet", action="store_true", help="show no progress")


def run(args: argparse.Namespace) -> int:
    """Paint all pictures and return the exit code: 2 if any could not be painted."""
    work, failed = plan(args.contents, args.output, args.format)
    has_areas = bool(args.mask or args.style_mask or args.regions)
    if has_areas and len(work) > 1:
        raise OptionError("Masks and regions are those of one picture: name one.")
    for item in work:
        images.check_output(item.output, quality=args.quality)
    named = parse_styles(_styles(args.style))
    check_apart(
        [*(("-o", item.output) for item in work), ("--save-style", args.save_style)],
        [*(style.path for style in named), *(item.source for item in work), args.mask,
         args.style_mask, *files_of_regions(args.regions)],
    )  # fmt: skip
    options = {"strength": args.strength, **{name: getattr(args, name) for name in COLOURS}}
    styles = [StyleSource(style.path, style.weight or 1.0) for style in named]
    memory = None if args.memory is None else parse_bytes(args.memory)
    if memory is not None:
        return_freed_memory()  # before a picture is read: what came before lies in the way
    stylizer = Stylizer(
        styles,
        model=args.model,
        precision=args.precision,
        memory=memory,
        max_pixels=args.max_pixels,
        **options,
    )
    if has_areas:
        _check_areas(args, stylizer)
    if args.save_style:
        if args.save_style.suffix != ".safetensors":
            raise OptionError(f"{args.save_style}: a style file is called .safetensors.")
        save_style(args.save_style, stylizer.vector, stylizer.model, name=" ".join(args.style))
    told = {
        **options,
        "model": args.model or "",
        "size": args.size or "",
        "mask": args.mask or "",
        "style_mask": args.style_mask or "",
        "feather": args.feather,
        "precision": args.precision,
    }
    todo = [item for item in work if args.overwrite or not os.path.exists(item.output)]
    skipped = len(work) - len(todo)
    outcome = _paint_all(todo, stylizer, args, {str(s.source): s.share for s in styles}, told)
    outcome.failed[:0] = failed
    return _tell(outcome, len(work), skipped, args)


def _check_areas(args: argparse.Namespace, stylizer: Stylizer) -> None:
    """Refuse what only a model for any style can do, with those whose styles have names."""
    for region in map(parse_region, args.regions):
        source = None if region.style is None else StyleSource(region.style)
        if source is not None and source.is_name and not name_of(region, stylizer.names):
            if not stylizer.names:
                raise OptionError(
                    f"The region {region.name} names {source.source}, which is no file: styles "
                    "known by name need a --style known by name, too."
                )
            stylizer.named(str(source.source))  # which tells the names that there are
    if stylizer.model.predictor is not None and stylizer.pictures:
        return
    if args.style_mask:
        raise OptionError(
            "--style-mask is of a style picture: give --style a picture's path, and no name."
        )
    regions = [region for region in map(parse_region, args.regions) if region.style is not None]
    if not all(name_of(region, stylizer.names) for region in regions):
        raise OptionError(
            "A region can have a style picture of its own if --style is a picture, too, and no "
            "name: pictures and named styles are painted by different models."
        )


def words_of(made: Mapping[str, str]) -> list[str]:
    """The words of the command that made a picture with this metadata, without ``-o``.

    Raises:
        ImageError: If the metadata are not of a picture made from files.
    """
    try:
        options = json.loads(made["stylize"])
        styles = json.loads(made["style"])
        words = [made["content"], "--style"]
        words += [f"{name}:{share}" if len(styles) > 1 else name for name, share in styles.items()]
        for region in json.loads(made.get("regions", "[]")):
            words += ["--region", region]
        for name, value in options.items():
            if value != "":
                words += [f"--{name.replace('_', '-')}", str(value)]
    except (KeyError, ValueError, AttributeError, TypeError) as error:
        raise ImageError("The picture does not tell how it was stylized.") from error
    return words


@dataclass
class _Outcome:
    made: list[tuple[Work, float]]
    failed: list[tuple[Path, str]]
    stopped: bool = False


def _paint_all(
    todo: Sequence[Work],
    stylizer: Stylizer,
    args: argparse.Namespace,
    styles: dict[str, float],
    told: dict[str, object],
) -> _Outcome:
    """Paint, with the next picture read and the last one written meanwhile."""
    outcome = _Outcome([], [])
    with ThreadPoolExecutor(2) as threads, stop_on_interrupt() as request, counting_bar(
        quiet=args.quiet or args.json
    ) as bar:  # fmt: skip
        task = bar.add_task("painting", total=len(todo))
        writing: tuple[Work, float, Future[Path]] | None = None
        for item, reading in _ahead(todo, threads, args):
            try:
                picture = reading.result()
                painted, seconds = _paint(item, picture, stylizer, args, bar, task)
                described = describe(str(item.source), styles, told, regions=args.regions)
                settled = Stylized(painted, picture.alpha, seconds, described)
                del picture, painted
            except ImpastoError as error:
                outcome.failed.append((item.source, sentence(with_file_name(item.source, error))))
            else:
                _settle(writing, outcome)
                writing = (item, seconds, threads.submit(settled.save, item.output,
                                                         quality=args.quality))  # fmt: skip
            bar.update(task, completed=len(outcome.made) + len(outcome.failed) + bool(writing))
            if request.made:
                outcome.stopped = True
                break
        _settle(writing, outcome)
    return outcome


def _ahead(
    todo: Sequence[Work], threads: ThreadPoolExecutor, args: argparse.Namespace
) -> Iterator[tuple[Work, Future[Picture]]]:
    """Each picture with its reading under way, and that of the next one begun."""

    def read(source: Path) -> Picture:
        picture = images.read(source, long_side=args.size, max_pixels=args.max_pixels)
        return picture if args.mask or args.regions else sparing(picture)

    if not todo:
        return
    coming = threads.submit(read, todo[0].source)
    for item, after in zip(todo, [*todo[1:], None], strict=True):
        now = coming
        if after is not None:
            coming = threads.submit(read, after.source)
        yield item, now


def _paint(
    item: Work,
    picture: Picture,
    stylizer: Stylizer,
    args: argparse.Namespace,
    bar: Progress,
    task: TaskID,
) -> tuple[Tensor, float]:
    images.check_output(item.output, size=picture.size)
    regions, notices = read_regions(
        picture,
        stylizer.pictures,
        mask=args.mask,
        style_mask=args.style_mask,
        regions=args.regions,
        blur=args.feather,
        max_pixels=args.max_pixels,
        named=stylizer.names,
    )
    if not args.quiet:
        for notice in notices:
            print(notice, file=sys.stderr)
    bar.update(task, description=item.source.name)
    done = bar.tasks[task].completed
    if args.memory is None:
        keep_freed_memory(stylizer.bytes_needed(picture))
    started = time.perf_counter()
    painted = stylizer.paint(
        picture, regions=regions, done=lambda share: bar.update(task, completed=done + share)
    )
    return painted, time.perf_counter() - started


def _settle(writing: tuple[Work, float, Future[Path]] | None, outcome: _Outcome) -> None:
    """Wait for a picture to be written."""
    if writing is None:
        return
    item, seconds, future = writing
    try:
        future.result()
        outcome.made.append((item, seconds))
    except ImpastoError as error:
        outcome.failed.append((item.source, sentence(with_file_name(item.source, error))))


def _tell(outcome: _Outcome, count: int, skipped: int, args: argparse.Namespace) -> int:
    if args.json:
        told = {
            "made": [
                {"content": str(w.source), "output": str(w.output), "seconds": round(s, 4)}
                for w, s in outcome.made
            ],
            "failed": [{"content": str(path), "error": e} for path, e in outcome.failed],
            "skipped": skipped,
        }
        print(json.dumps(told, indent=2, ensure_ascii=False))
    elif not args.quiet:
        if count == 1 and outcome.made:
            item, seconds = outcome.made[0]
            print(f"{item.output}: painted in {seconds:.2f} s")
        elif outcome.made:
            total = sum(seconds for _, seconds in outcome.made)
            print(f"{args.output}: {len(outcome.made)} pictures painted in {clock(total)}")
        if skipped:
            what = f"{args.output} exists" if count == 1 else f"{skipped} exist"
            print(f"{what} already: skipped (--overwrite paints again)")
        if outcome.stopped:
            print("stopped; the same command goes on from here")
    for _, error in outcome.failed:
        print(f"impasto: {error}", file=sys.stderr)
    if outcome.stopped:
        return 130
    return _FAILED if outcome.failed else 0


def _styles(words: Sequence[str]) -> list[str]:
    """``wave:0.6,starry:0.4`` as two styles, unless that is a file's name."""
    parts: list[str] = []
    for word in words:
        parts += [word] if os.path.isfile(word) else [part for part in word.split(",") if part]
    return parts
