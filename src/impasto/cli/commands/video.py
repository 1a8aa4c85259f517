"""``impasto video``: paint a clip, frame by frame."""

from __future__ import annotations

import argparse
import os
from collections.abc import Iterator
from pathlib import Path

from impasto.cli.shared.exit_codes import INTERRUPTED
from impasto.cli.shared.messages import print_json, print_note, say
from impasto.cli.shared.outputs import check_apart
from impasto.cli.shared.recipe_options import given_entries
from impasto.cli.shared.run_to_file import memory_of
from impasto.errors import OptionError, counted_noun, option
from impasto.jobs.checkpoints import checkpoint_path
from impasto.jobs.display import ProgressBar, clock
from impasto.jobs.events import Note
from impasto.jobs.requests import StylizeRequest, as_region_specs, parse_styles, split_styles
from impasto.jobs.run import RunOptions
from impasto.jobs.run import run as run_request
from impasto.jobs.video_request import COMMON, Encoding, VideoRequest, parse_keyframes, parse_time
from impasto.recipes.presets import get_recipe
from impasto.recipes.recipe import Recipe
from impasto.runtime.files import absolute, check_writable
from impasto.runtime.memory import return_freed_memory
from impasto.video.codecs import check_output_name, is_animation, is_video
from impasto.video.metadata import is_same_clip
from impasto.video.result import VideoResult


def run(args: argparse.Namespace) -> int:
    """Paint the clip and return the exit code."""
    return run_one(_request(args), Encoding(**given_entries(args, Encoding)), args)


def run_one(request: VideoRequest, encoding: Encoding, args: argparse.Namespace) -> int:
    """Run a request and return the exit code.

    Args:
        request: The request, for example from a clip's metadata.
        encoding: How the clip is written.
        args: ``output``, and the options under "This run".
    """
    check_output_name(args.output, encoding)
    _check_apart(args, request)
    if _is_made(args, request, encoding):
        if not args.quiet:
            say(f"{args.output}: is there already, painted in the same way")
        return 0
    memory = memory_of(args)
    if memory is not None:
        return_freed_memory()
    output = absolute(args.output)
    options = RunOptions(
        device=args.device,
        memory=memory,
        max_pixels=args.max_pixels,
        checkpoint=checkpoint_path(output),
        resume=args.resume,
        handle_interrupt=True,
        acknowledge_interrupt=not args.quiet,
        output=output,
        encoding=encoding,
    )
    running = run_request(request, options)
    with running, ProgressBar(quiet=args.quiet or args.json) as bar:
        for event in running:
            bar.show(event)
            if isinstance(event, Note) and (event.error or not args.quiet):
                print_note(event)
    result = running.result
    assert isinstance(result, VideoResult)
    _print(args, result)
    return 0 if result.is_finished else INTERRUPTED


def _request(args: argparse.Namespace) -> VideoRequest:
    keyframes = parse_keyframes(args.at)
    styles = parse_styles([style for word in args.style for style in split_styles(word)])
    of_keyframes = [keyframe.styles for keyframe in keyframes if keyframe.styles]
    if not styles and of_keyframes:
        styles = of_keyframes[0]
    recipe = _recipe(args)
    entries = given_entries(args, StylizeRequest)
    if recipe is not None:  # what both have, the recipe sets unless an option does
        entries = {name: getattr(recipe, name) for name in COMMON} | entries
    picture = StylizeRequest(
        args.clip,
        styles,
        **entries,
        mask=args.mask,
        style_mask=args.style_mask,
        regions=as_region_specs(args.regions),
    )
    own = given_entries(args, VideoRequest)
    own |= {name: parse_time(own[name], name) for name in ("start", "end") if name in own}
    if own.get("end") == 0:
        raise OptionError("--end is 0 s, so nothing is left: leave it out for the whole clip.")
    return VideoRequest(picture, keyframes=keyframes, recipe=recipe, **own)


def _recipe(args: argparse.Namespace) -> Recipe | None:
    """The recipe that frames are painted by; None if they are painted in one pass.

    Raises:
        OptionError: For an option of paintings without ``--paint``.
    """
    changes = {name: value for name, value in given_entries(args).items() if name not in COMMON}
    changes.pop("size", None)
    if args.paint:
        return get_recipe(args.recipe or "default").replace(**changes)
    given = [*(["recipe"] if args.recipe else []), *changes]
    given += [name for name in ("frame_steps", "paint_every") if getattr(args, name) is not None]
    if given:
        raise OptionError(f"{option(given[0])} is of paintings by optimization: add --paint.")
    return None


def _check_apart(args: argparse.Namespace, request: VideoRequest) -> None:
    """Check that the output is not the clip itself, which for a folder is no file.

    Raises:
        OptionError: If it is.
    """
    check_apart([("-o", args.output)], request.files)
    if os.path.realpath(args.output) == os.path.realpath(str(request.content)):
        raise OptionError(f"{args.output} is read and would be replaced: name another -o.")


def _is_made(args: argparse.Namespace, request: VideoRequest, encoding: Encoding) -> bool:
    """Whether the clip is there already.

    Raises:
        ImpastoError: If something else is, and may not be replaced; or nothing can be written.
    """
    output: Path = args.output
    if not (is_video(output) or is_animation(output)):
        if not (args.overwrite or args.resume) and any(_files(output)):
            raise OptionError(
                f"The folder {output} is not empty: name another -o, or write into it with "
                "--overwrite."
            )
        if os.path.isfile(output):
            raise OptionError(f"{output} is a file: name a folder for frames, or a video.")
        check_writable(output / "frame.png" if os.path.isdir(output) else output)
        return False
    check_writable(output)
    if args.overwrite or not os.path.lexists(output):
        return False
    if is_same_clip(output, request, encoding):
        return True
    how = "" if is_animation(output) else " and was made in another way"  # they do not tell
    raise OptionError(
        f"{output} exists already{how}: name another -o, or replace it with --overwrite."
    )


def _files(folder: Path) -> Iterator[str]:
    if os.path.isdir(folder):
        yield from (name for name in os.listdir(folder) if not name.startswith("."))


def _print(args: argparse.Namespace, result: VideoResult) -> None:
    """Print what was made on stdout, for a person or as JSON."""
    height, width = result.tensor.shape[-2:]
    if args.json:
        print_json(
            {
                "output": str(args.output),
                "width": width,
                "height": height,
                "frames": result.frames,
                "seconds": result.seconds,
                "finished": result.is_finished,
            }
        )
        return
    if args.quiet:
        return
    frames = counted_noun(result.frames, "frame")
    if not result.is_finished:
        hint = "; --resume continues" if result.frames else ""
        say(f"{args.output}: stopped, {frames} of {result.expected} kept{hint}")
        return
    pace = f", {result.painted / result.seconds:.3g} frames/s" if result.painted else ""
    say(f"{args.output}: {frames} of {width}×{height} px in {clock(result.seconds)}{pace}")
