"""Metadata of clips: what is kept of the source's, and what says how a clip was painted."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from fractions import Fraction
from pathlib import Path
from typing import Any

from impasto import __version__
from impasto.errors import OptionError
from impasto.jobs.existing import source_digests
from impasto.jobs.request_json import any_from_json, to_json
from impasto.jobs.video_request import Encoding, VideoRequest
from impasto.runtime.fields import typed_changes
from impasto.video.video_file import OPENING, ffmpeg_name

MARK = "impasto "
"""Beginning of the comment by which a clip is known as painted by Impasto."""

_OF_THE_FILE = frozenset(
    {"major_brand", "minor_version", "compatible_brands", "encoder", "duration", "creation_time"}
)
"""Entries that describe the file they are in, and not what it shows."""

_LONGEST = 1 << 19  # characters: an honest comment has a few thousand

_KEPT_TIME = "creation_time"


def clip_metadata(
    source: Mapping[str, str], request: VideoRequest, encoding: Encoding
) -> dict[str, str]:
    """The metadata of a painted clip.

    A comment of the source becomes its description, unless it has one.

    Args:
        source: Of the clip.
        request: The request.
        encoding: Its ``metadata`` says what is kept.
    """
    kept = {}
    if encoding.metadata != "strip":
        for name, value in source.items():
            is_place = "location" in name.lower() or name.lower() in ("xyz", "gps")
            if name.lower() in _OF_THE_FILE - {_KEPT_TIME}:
                continue
            if not is_place or encoding.metadata == "keep-location":
                kept[name] = value
    comment = kept.pop("comment", "")
    if comment and not comment.startswith(MARK):
        kept.setdefault("description", comment)
    return {**kept, "comment": MARK + made_from(request, encoding)}


def made_from(request: VideoRequest, encoding: Encoding) -> str:
    """How a clip is painted, from which files, and how it is written, as JSON."""
    described = {
        "impasto": __version__,
        "request": json.loads(to_json(request)),
        "sources": source_digests(request),
        "encoding": [encoding.codec, encoding.crf, encoding.pixel_format, encoding.metadata],
    }
    text = json.dumps(described, ensure_ascii=False)
    # Bytes of names that are not UTF-8: a container holds none, and this is how JSON writes them.
    return text.encode("utf-8", "backslashreplace").decode()


def is_same_clip(path: Path, request: VideoRequest, encoding: Encoding) -> bool:
    """Whether a file is the whole clip of a request, written in the same way.

    Animations have no place for it, so that they are never known.
    """
    return read_comment(path) == MARK + made_from(request, encoding)


def read_made_from(path: Path) -> tuple[VideoRequest, Encoding] | None:
    """How a clip was painted, as :func:`made_from` describes it; None if nothing says so.

    The text is untrusted: every entry is checked. Where the clip was taken is left out.

    Raises:
        OptionError: For a request that cannot be used.
    """
    comment = read_comment(path)
    if not comment.startswith(MARK):
        return None
    if len(comment) > _LONGEST:
        raise OptionError(f"It has {len(comment)} characters; at most {_LONGEST} are read.")
    try:
        described = json.loads(comment.removeprefix(MARK))
        text = json.dumps(described["request"])
        codec, crf, pixel_format, _ = described["encoding"]
    except (ValueError, TypeError, KeyError, RecursionError) as error:
        raise OptionError("It is not complete.") from error
    request = any_from_json(text)
    if not isinstance(request, VideoRequest):
        raise OptionError(f"It is of the kind {request.kind!r}, and not of a clip.")
    changes = {"codec": codec, "crf": crf, "pixel_format": pixel_format}
    return request, Encoding(**typed_changes(Encoding, changes, "option"))


def read_comment(path: Path) -> str:
    """The comment of a video file; empty if it has none, or cannot be read."""
    import importlib.util

    if importlib.util.find_spec("av") is None:
        return ""
    import av

    try:
        with av.open(ffmpeg_name(path), options=dict(OPENING)) as container:
            comment = {k.lower(): v for k, v in container.metadata.items()}.get("comment", "")
    except (av.FFmpegError, OSError, ValueError):
        return ""
    return str(comment)


def moved_chapters(
    chapters: Sequence[Mapping[str, Any]], start: Fraction, end: Fraction | None
) -> list[dict[str, Any]]:
    """The chapters of a part of a clip, from its beginning on."""
    moved = []
    for chapter in chapters:
        base = Fraction(chapter["time_base"])
        begins, ends = chapter["start"] * base, chapter["end"] * base
        if ends <= start or (end is not None and begins >= end):
            continue
        begins, ends = (
            max(begins - start, Fraction(0)),
            (ends if end is None else min(ends, end)) - start,
        )
        moved.append({**chapter, "start": round(begins / base), "end": round(ends / base)})
    return moved
