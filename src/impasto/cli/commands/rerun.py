"""``impasto rerun``: paint a picture or clip again, or in another way, from the request in it."""

from __future__ import annotations

import argparse
import importlib
import os
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from impasto import images
from impasto.cli.commands import stylize, video
from impasto.cli.shared.messages import flag, print_result, warn
from impasto.cli.shared.parser import Parser
from impasto.cli.shared.run_to_file import run_to_file
from impasto.errors import ImageError, OptionError, option, printable
from impasto.images.samples import PAIRS
from impasto.jobs.as_command import as_command
from impasto.jobs.as_python import as_python
from impasto.jobs.changes import changed
from impasto.jobs.request_json import KEY, any_from_json, from_metadata, to_json
from impasto.jobs.requests import (
    StylizeRequest,
    as_region_specs,
    parse_styles,
    region_text,
)
from impasto.jobs.video_request import AnyRequest, Encoding, VideoRequest
from impasto.painting.texture import parse_size
from impasto.recipes.recipe import FIELDS
from impasto.reports.gallery_commands import stylize_changes
from impasto.runtime.fields import entries
from impasto.runtime.optional import require
from impasto.runtime.strangers_paths import leads_elsewhere
from impasto.video.codecs import is_animation, is_video
from impasto.video.metadata import read_made_from
from impasto.weights.store import downloads_refused

_SHOWN = ("content", "mask", "style_mask", "source", "tileable")
"""Fields of a request that are shown before its styles, regions and recipe."""


def run(args: argparse.Namespace) -> int:
    """Paint the picture again and return the exit code."""
    told, encoding = read_request(args.picture)
    request = told
    if changes := _changes(args):
        request = changed(request, changes, _offered(request.kind))
    if args.as_text:
        print_result(as_text(request, args))
        return 0
    if args.show or not args.output:
        print_result(describe(request), end="")
        if args.show:
            return 0
        raise ImageError("Name the file to write: -o OUT (or --show to print only the request).")
    if os.path.realpath(args.output) == os.path.realpath(args.picture):
        raise OptionError(f"{args.picture} is read and would be replaced: name another -o.")
    if not args.trust:
        _check_places(args.picture, [name for name in request.files if name in told.files])
    if not args.quiet:
        files = [name for name in request.files if _is_read(name, request)]
        warn(f"reads {', '.join(files)}")
    with downloads_refused():  # a stranger's picture must not make this machine fetch anything
        if isinstance(request, StylizeRequest):
            return stylize.run_one(request, args)
        if isinstance(request, VideoRequest):
            return _paint_clip(request, encoding, args)
        return run_to_file(request, args)


def as_text(request: AnyRequest, args: argparse.Namespace) -> str:
    """The request as a command or a program that writes to ``-o``, or beside the picture.

    Raises:
        OptionError: If no command says the same.
    """
    picture = Path(args.picture)
    output = args.output or f"{picture.stem}-again{picture.suffix}"
    if args.as_text == "python":
        return as_python(request, output).rstrip("\n")
    command = as_command(request, output)
    if command is None:
        raise OptionError(
            f"{picture} was made from pictures or regions that a command cannot name: use "
            f"{option('as')} python, or impasto rerun."
        )
    return command


def _paint_clip(request: VideoRequest, encoding: Encoding, args: argparse.Namespace) -> int:
    """Paint a clip again, and return the exit code.

    Raises:
        OptionError: For options that only pictures have.
    """
    for name in ("snapshots", "snapshots_to", "log", "report"):
        if getattr(args, name, None):
            raise OptionError(f"{flag(name)} is for pictures, not for clips: leave it out.")
    args.output = Path(args.output)
    is_same_kind = args.output.suffix.lower() == Path(args.picture).suffix.lower()
    return video.run_one(request, encoding if is_same_kind else Encoding(), args)


def _is_read(name: str, request: AnyRequest) -> bool:
    """Whether a name is that of a file that is read, or of a clip's folder of frames."""
    return os.path.isfile(name) or (isinstance(request, VideoRequest) and os.path.isdir(name))


def _check_places(picture: str, names: Sequence[str]) -> None:
    """Refuse files of the metadata outside of the current folder, before any is touched.

    Samples of Impasto's own are allowed.
    """
    samples = {
        str(path) for pair in PAIRS.values() for path in (pair.content_path, pair.style_path)
    }
    places = [
        name for name in dict.fromkeys(names) if leads_elsewhere(name) and name not in samples
    ]
    if places:
        raise OptionError(
            f"{picture} names files outside of this folder, and none has been read: "
            f"{', '.join(places)}. Add --trust to read them, or name others in their place."
        )


_FIELDS = ("content", "mask", "style_mask", "tileable", "figure")
"""Fields of requests that are options as they are."""


def _changes(args: argparse.Namespace) -> dict[str, Any]:
    """What was asked for, as :func:`impasto.jobs.changes.changed` takes it."""
    names = ("recipe", *entries(StylizeRequest), *FIELDS, *_FIELDS)
    changes = {name: value for name in names if (value := getattr(args, name)) is not None}
    if args.size is not None:
        changes["size"] = _size(args.size)
    if args.styles is not None:
        changes["styles"] = parse_styles(args.styles)
    if args.regions is not None:
        changes["regions"] = as_region_specs(args.regions)
    return changes


def _size(text: str) -> int | tuple[int, int]:
    """The long side, or height and width from ``WxH``."""
    if "x" in text.lower():
        return parse_size(text)
    try:
        return int(text)
    except ValueError:
        raise OptionError(f"--size is a number of pixels, or WxH, not {text!r}.") from None


def _offered(kind: str) -> set[str]:
    """The entries that the command of that kind has options for."""
    parser = Parser()
    importlib.import_module(f"impasto.cli.options.{kind}").configure(parser)
    return {"size", *(action.dest for action in parser._actions)}


def read_request(picture: str) -> tuple[AnyRequest, Encoding]:
    """The request in the metadata of a picture, a frame or a clip, and how the clip was written.

    Raises:
        ImageError: If there is no such file, or it has no usable request.
        OptionError: If it is a video, and PyAV is not installed.
    """
    if not os.path.isfile(picture):
        raise ImageError(f"There is no picture {picture}: check its name and folder.")
    if is_video(Path(picture)):
        require("av", by="A video")
    try:
        found = _read_request(Path(picture))
    except OptionError as error:
        raise ImageError(f"{picture} has a request that cannot be used: {error.message}") from error
    if found is None:
        animations = "animations hold none, " if is_animation(Path(picture)) else ""
        raise ImageError(
            f"{picture} has no request: {animations}it was not painted by Impasto, or another "
            "program has removed the metadata."
        )
    return found


def _read_request(path: Path) -> tuple[AnyRequest, Encoding] | None:
    if is_video(path):
        return read_made_from(path)
    metadata = images.read_metadata(path)
    request: AnyRequest | None
    request = any_from_json(metadata[KEY]) if KEY in metadata else from_metadata(metadata)
    return None if request is None else (request, Encoding())


def describe(request: AnyRequest) -> str:
    """The request as text: its pictures, then the recipe as TOML or the whole request as JSON."""
    values = vars(request)
    if isinstance(request, VideoRequest):
        values = {**vars(request.picture), "styles": request.styles}
    lines = [f"{name}: {values[name]}" for name in _SHOWN if values.get(name)]
    lines += [f"style: {style}" for style in values.get("styles", ())]
    lines += [f"region: {region_text(region)}" for region in values.get("regions", ())]
    if isinstance(request, StylizeRequest):
        lines += [f"{flag(n)} {value}" for n, value in stylize_changes(request).items()]
    head = "".join(f"# {printable(line)}\n" for line in (request.kind, *lines))
    if isinstance(request, StylizeRequest | VideoRequest):
        return f"{head}{printable(to_json(request))}\n"
    return head + request.recipe.to_toml()
