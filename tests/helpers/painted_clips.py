"""Clips painted in tests: small, in a named style."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

from impasto.jobs.events import Event
from impasto.jobs.requests import StyleInput, StylizeRequest
from impasto.jobs.run import Run, RunOptions, run
from impasto.jobs.video_request import Encoding, VideoRequest
from impasto.video.result import VideoResult

STYLE = "great-wave"


def request_for(clip: Path, *styles: str, picture: dict[str, Any] | None = None, **changes: Any):
    """A request in a named style."""
    inputs = tuple(StyleInput(style) for style in styles or (STYLE,))
    return VideoRequest(StylizeRequest(str(clip), inputs, **(picture or {})), **changes)


def start(
    request: VideoRequest,
    output: Path,
    *,
    encoding: Encoding | None = None,
    resume: bool = False,
    listener: Callable[[Event], None] | None = None,
    **options: Any,
) -> Run:
    """A run of a request on the CPU, not begun yet."""
    chosen = RunOptions(
        device="cpu", output=output, encoding=encoding or Encoding(), resume=resume, **options
    )
    return run(request, chosen, listener=listener)


def paint_clip(
    request: VideoRequest, output: Path, **options: Any
) -> tuple[VideoResult, list[str]]:
    """The result, and the notes on the way."""
    notes: list[str] = []

    def listen(event: Event) -> None:
        text = getattr(event, "text", "")
        if text:
            notes.append(text)

    result = start(request, output, listener=listen, **options).finish()
    assert isinstance(result, VideoResult)
    return result, notes
