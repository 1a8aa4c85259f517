"""``impasto live``: paint what a camera sees."""

from __future__ import annotations

import argparse
import contextlib
import time

import torch

from impasto.cli.shared.messages import inform, print_json, say
from impasto.cli.shared.recipe_options import given_entries
from impasto.cli.shared.run_to_file import memory_of
from impasto.errors import OptionError, option
from impasto.jobs.requests import StylizeRequest
from impasto.jobs.video_request import VideoRequest
from impasto.live.looks import Looks, live_styles
from impasto.live.outputs import Both, LiveOutput, VirtualCamera, Window, has_display
from impasto.live.session import KEYS, LiveSession, Shown
from impasto.live.sources import LiveSource, Newest, camera_source, clip_source
from impasto.runtime.devices import find_device
from impasto.video.open_clip import open_clip

_TOLD_SECONDS = 5.0
"""Seconds between two lines on the pace."""


def run(args: argparse.Namespace) -> int:
    """Paint until the source ends, or a key or Ctrl-C ends it; the exit code."""
    _check(args)
    styles = live_styles(args.style)
    changes = given_entries(args, StylizeRequest)
    picture = StylizeRequest("", styles[0]).replace(**changes)
    steady = args.steady if args.steady is not None else VideoRequest.steady
    looks = Looks(
        picture,
        styles,
        steady=steady,
        device=find_device(args.device),
        memory=memory_of(args),
        max_pixels=args.max_pixels,
    )
    with contextlib.ExitStack() as stack, torch.inference_mode():
        source = _source(args)
        newest = Newest(source)
        stack.callback(newest.close)
        output = _output(args, source.size)
        stack.callback(output.close)
        session = LiveSession(
            newest,
            source.size,
            looks,
            output,
            side=args.size or 0,
            fps=args.fps,
            seconds=args.seconds,
            folder=args.save_to,
        )
        if not args.quiet:
            height, width = session.painted_size
            inform(f"{source.name}: painted at {width}×{height} px in {looks.name}")
            if _has_window(args):
                inform(", ".join(f"{key} {what}" for key, what in KEYS.items()))
        _tell(session, args)
    return 0


def _check(args: argparse.Namespace) -> None:
    """Refuse options that cannot be used, before anything is opened."""
    if args.camera is not None and args.source:
        raise OptionError(f"Give {option('camera')} or {option('source')}, not both.")
    if args.repeat and not args.source:
        raise OptionError(f"{option('repeat')} is for {option('source')}: a camera has no end.")
    if args.no_window and not args.to:
        raise OptionError(f"{option('no_window')} needs {option('to')}, or nothing is shown.")
    if not 1 <= args.fps <= 240:
        raise OptionError(f"{option('fps')} is 1 to 240, not {args.fps:g}.")
    if not 0 <= args.seconds < float("inf"):
        raise OptionError(f"{option('seconds')} is 0 or more, not {args.seconds:g}.")
    if args.size is not None and args.size < 1:
        raise OptionError(f"{option('size')} is 1 or more, not {args.size}.")
    if not args.save_to.is_dir():
        raise OptionError(f"{option('save_to')} {args.save_to} is no folder: make it first.")


def _source(args: argparse.Namespace) -> LiveSource:
    if args.source:
        clip = open_clip(args.source, max_pixels=args.max_pixels)
        return clip_source(clip, repeat=args.repeat)
    return camera_source(args.camera or 0)


def _has_window(args: argparse.Namespace) -> bool:
    """Whether a window is shown: always, but beside a virtual camera only where one can be."""
    return not args.no_window and (not args.to or has_display())


def _output(args: argparse.Namespace, size: tuple[int, int]) -> LiveOutput:
    outputs: list[LiveOutput] = []
    if args.to:
        outputs.append(VirtualCamera(args.to, size, args.fps))
    if _has_window(args):
        outputs.append(Window(size))
    return Both(outputs)


def _tell(session: LiveSession, args: argparse.Namespace) -> None:
    """Run a session, and tell its pace on the way and at the end."""
    started = told = time.perf_counter()
    last: Shown | None = None
    with contextlib.suppress(KeyboardInterrupt):
        for last in session.run():
            now = time.perf_counter()
            if last.message and not args.quiet:
                inform(last.message)
            if now - told >= _TOLD_SECONDS and not args.quiet:
                told = now
                inform(f"{last.fps:.1f} frames/s, {last.dropped} dropped")
    _sum_up(last, time.perf_counter() - started, session.painted_size, args)


def _sum_up(
    last: Shown | None, seconds: float, size: tuple[int, int], args: argparse.Namespace
) -> None:
    shown, dropped = (last.number, last.dropped) if last is not None else (0, 0)
    height, width = size
    if args.json:
        print_json(
            {
                "frames": shown,
                "dropped": dropped,
                "seconds": seconds,
                "frames_per_second": shown / seconds,
                "width": width,
                "height": height,
            }
        )
    else:
        say(
            f"{shown} frames in {seconds:.1f} s: {shown / seconds:.1f} frames/s at "
            f"{width}×{height} px, {dropped} dropped"
        )
