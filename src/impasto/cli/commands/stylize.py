"""``impasto stylize``: pictures and folders of pictures painted in one pass."""

from __future__ import annotations

import argparse
import dataclasses
import json
import os
import sys
from collections.abc import Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass, field
from pathlib import Path

from impasto import images
from impasto.cli.shared.batch import Work, plan
from impasto.cli.shared.counting import counting_bar
from impasto.cli.shared.limits import add_max_pixels
from impasto.cli.shared.messages import flag, print_note, sentence
from impasto.cli.shared.outputs import check_apart
from impasto.cli.shared.run_options import INTERRUPTED, memory_of
from impasto.errors import ImpastoError, OptionError, with_file_name
from impasto.jobs.display import clock
from impasto.jobs.events import Event, Note, Planned, Progress
from impasto.jobs.one_pass import check_regions
from impasto.jobs.requests import StylizeRequest, as_region_specs, parse_styles
from impasto.jobs.resources import Resources
from impasto.jobs.results import Result
from impasto.jobs.run import RunOptions
from impasto.jobs.run import run as run_request
from impasto.onepass.style_files import save_style
from impasto.runtime.fields import entries
from impasto.runtime.interrupts import stop_on_interrupt
from impasto.runtime.memory import keep_freed_memory, return_freed_memory

EXAMPLES = """\
examples:
  impasto stylize photo.jpg --style painting.jpg -o out.png
  impasto stylize a.jpg b.png holiday/ --style great-wave -o painted/
  impasto stylize photo.jpg --style great-wave:0.6 scream:0.4 --strength 0.8 -o out.png
  impasto stylize photo.jpg --style painting.jpg --colour content --size 4096 -o out.jpg
"""

_FAILED = 2


def configure(parser: argparse.ArgumentParser) -> None:
    """Add the options of ``stylize``."""
    add, own = parser.add_argument, entries(StylizeRequest)
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
    for name in ("colour", "colour_space", "colour_match"):
        entry = own[name]
        aliases = [flag(alias) for alias in entry.aliases]
        add(flag(name), *aliases, dest=name, default=entry.default, choices=entry.names,
            help=f"{entry.help} [{entry.default}]")  # fmt: skip
    regions = parser.add_argument_group("regions (one picture)")
    regions.add_argument("--mask", metavar="FILE", help="label picture of the photograph")
    regions.add_argument("--style-mask", metavar="FILE", help="label picture of the style")
    regions.add_argument("--region", dest="regions", action="append", default=[],
                         metavar="NAME=MASK[@STYLE][:STYLEMASK]",
                         help="one region; may be repeated")  # fmt: skip
    regions.add_argument("--feather", type=float, default=0.0, metavar="X",
                         help=f"{own['feather'].help} [0]")  # fmt: skip
    files = parser.add_argument_group("files")
    files.add_argument("--format", choices=tuple(sorted({s[1:] for s in images.FORMATS})),
                       help="of the pictures in a folder [as each is]")  # fmt: skip
    files.add_argument("--overwrite", action="store_true", help="paint what is painted already")
    files.add_argument("--quality", type=int, default=95, metavar="N", help="of JPEG, WebP [95]")
    files.add_argument("--save-style", metavar="FILE", type=Path,
                       help="keep the style read (.safetensors), for --style")  # fmt: skip
    add_max_pixels(parser)
    add("--memory", metavar="SIZE", help="to stay within, such as 2GB [two thirds of the free]")
    add("--precision", default="auto", choices=own["precision"].names, help="[auto]")
    add("--json", action="store_true", help="print what was made as JSON")
    add("--quiet", action="store_true", help="show no progress")


def run(args: argparse.Namespace) -> int:
    """Paint all pictures and return the exit code: 2 if any could not be painted."""
    work, failed = plan(args.contents, args.output, args.format)
    if (args.mask or args.style_mask or args.regions) and len(work) > 1:
        raise OptionError("Masks and regions are those of one picture: name one.")
    for item in work:
        images.check_output(item.output, quality=args.quality)
    request = _request(args, work)
    check_apart(
        [*(("-o", item.output) for item in work), ("--save-style", args.save_style)],
        [*request.files, *(item.source for item in work)],
    )
    options, resources = _options(args), Resources()
    stylizer = resources.stylizer(request, memory=options.memory, max_pixels=args.max_pixels)
    check_regions(request, stylizer)
    if args.save_style:
        if args.save_style.suffix != ".safetensors":
            raise OptionError(f"{args.save_style}: a style file is called .safetensors.")
        save_style(args.save_style, stylizer.vector, stylizer.model, name=" ".join(args.style))
    todo = [item for item in work if args.overwrite or not os.path.exists(item.output)]
    batch = _Batch(request, todo, options, resources, args)
    outcome = batch.paint()
    outcome.failed[:0] = failed
    return _print_outcome(outcome, len(work), len(work) - len(todo), args)


def run_one(request: StylizeRequest, args: argparse.Namespace) -> int:
    """Run a request that was read from a picture; the exit code.

    Args:
        request: What to make.
        args: With what ``add_run_options`` adds, and ``output``.
    """
    images.check_output(args.output, quality=args.quality)
    check_apart([("-o", args.output)], request.files)
    todo = [Work(Path(str(request.content)), Path(args.output))]
    outcome = _Batch(request, todo, _options(args), Resources(), args).paint()
    return _print_outcome(outcome, 1, 0, args)


def _request(args: argparse.Namespace, work: Sequence[Work]) -> StylizeRequest:
    """What is to be made of the first picture; the others differ in their content alone."""
    return StylizeRequest(
        str(work[0].source) if work else "",
        parse_styles(_style_words(args.style)),
        mask=args.mask,
        style_mask=args.style_mask,
        regions=as_region_specs(args.regions),
    ).replace(
        model=args.model or "",
        size=args.size or 0,
        strength=args.strength,
        colour=args.colour,
        colour_space=args.colour_space,
        colour_match=args.colour_match,
        feather=args.feather,
        precision=args.precision,
    )


def _options(args: argparse.Namespace) -> RunOptions:
    memory = memory_of(args)
    if memory is not None:
        return_freed_memory()  # before a picture is read: what came before lies in the way
    return RunOptions(memory=memory, max_pixels=args.max_pixels)


@dataclass
class _Outcome:
    made: list[tuple[Work, float]] = field(default_factory=list)
    failed: list[tuple[Path, str]] = field(default_factory=list)
    is_stopped: bool = False


@dataclass
class _Writing:
    """A picture that is being written in a thread."""

    item: Work
    seconds: float
    future: Future[Path]


class _Batch:
    """Pictures painted one after another, the next read and the last written meanwhile."""

    def __init__(
        self,
        request: StylizeRequest,
        todo: Sequence[Work],
        options: RunOptions,
        resources: Resources,
        args: argparse.Namespace,
    ) -> None:
        self._todo = todo
        self._requests = [dataclasses.replace(request, content=str(item.source)) for item in todo]
        self._options, self._resources, self._args = options, resources, args
        self._outcome = _Outcome()
        self._writing: _Writing | None = None

    def paint(self) -> _Outcome:
        """Paint; after Ctrl-C what is in hand is finished."""
        outcome, args = self._outcome, self._args
        with ThreadPoolExecutor(1) as writer, stop_on_interrupt() as interrupt, counting_bar(
            quiet=args.quiet or args.json
        ) as bar:  # fmt: skip
            task = bar.add_task("painting", total=len(self._todo))
            if self._requests:
                self._read_ahead(0)
            for number, item in enumerate(self._todo):
                bar.update(task, description=item.source.name)
                done = bar.tasks[task].completed

                def show(event: Event, done: float = done) -> None:
                    if isinstance(event, Progress):
                        bar.update(task, completed=done + event.share)

                if number + 1 < len(self._requests):
                    self._read_ahead(number + 1)
                try:
                    running = run_request(
                        self._requests[number],
                        self._options,
                        resources=self._resources,
                        listener=show,
                    )
                    for event in running:
                        self._handle(event, item)
                    result = running.result
                except ImpastoError as error:
                    self._fail(item, error)
                else:
                    self._write(item, result, writer)
                    del result, running
                bar.update(task, completed=len(outcome.made) + len(outcome.failed)
                           + bool(self._writing))  # fmt: skip
                if interrupt.made:
                    outcome.is_stopped = True
                    break
            self._settle()
            self._resources.close()
        return outcome

    def _read_ahead(self, number: int) -> None:
        limit = self._options.max_pixels
        self._resources.read_ahead(self._requests[number], max_pixels=limit)

    def _handle(self, event: Event, item: Work) -> None:
        if isinstance(event, Planned):
            images.check_output(item.output, size=event.sizes[-1])
            if self._options.memory is None and event.bytes is not None:
                keep_freed_memory(event.bytes)
        elif isinstance(event, Note) and not self._args.quiet:
            print_note(event)

    def _write(self, item: Work, result: Result, writer: ThreadPoolExecutor) -> None:
        """Write a picture while the next is painted."""
        self._settle()
        future = writer.submit(result.save, item.output, quality=self._args.quality)
        self._writing = _Writing(item, result.seconds, future)

    def _settle(self) -> None:
        """Wait for the picture that is being written."""
        writing, self._writing = self._writing, None
        if writing is None:
            return
        try:
            writing.future.result()
            self._outcome.made.append((writing.item, writing.seconds))
        except ImpastoError as error:
            self._fail(writing.item, error)

    def _fail(self, item: Work, error: ImpastoError) -> None:
        text = sentence(with_file_name(item.source, error))
        self._outcome.failed.append((item.source, text))


def _print_outcome(outcome: _Outcome, count: int, skipped: int, args: argparse.Namespace) -> int:
    if args.json:
        described = {
            "made": [
                {"content": str(w.source), "output": str(w.output), "seconds": round(s, 4)}
                for w, s in outcome.made
            ],
            "failed": [{"content": str(path), "error": e} for path, e in outcome.failed],
            "skipped": skipped,
        }
        print(json.dumps(described, indent=2, ensure_ascii=False))
    elif not args.quiet:
        if count == 1 and outcome.made:
            item, seconds = outcome.made[0]
            print(f"{item.output}: painted in {seconds:.2f} s")
        elif outcome.made:
            total = sum(seconds for _, seconds in outcome.made)
            pictures = "1 picture" if len(outcome.made) == 1 else f"{len(outcome.made)} pictures"
            print(f"{args.output}: {pictures} painted in {clock(total)}")
        if skipped:
            what = f"{args.output} exists" if count == 1 else f"{skipped} exist"
            print(f"{what} already: skipped (--overwrite paints again)")
        if outcome.is_stopped:
            print("stopped; the same command goes on from here")
    for _, error in outcome.failed:
        print(f"impasto: {error}", file=sys.stderr)
    if outcome.is_stopped:
        return INTERRUPTED
    return _FAILED if outcome.failed else 0


def _style_words(words: Sequence[str]) -> list[str]:
    """``wave:0.6,starry:0.4`` as two styles, unless that is a file's name."""
    parts: list[str] = []
    for word in words:
        parts += [word] if os.path.isfile(word) else [part for part in word.split(",") if part]
    return parts
