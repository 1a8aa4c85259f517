"""Files that exist already: whether one holds what a request makes, or is of Impasto at all.

A picture's metadata holds its request and the digests of the files that it was made from, so that a
picture of an older photograph under the same name is not taken for the new one.
"""

from __future__ import annotations

import functools
import hashlib
import os
from collections.abc import Iterator, Mapping
from enum import Enum
from pathlib import Path

from impasto import images
from impasto.errors import ImpastoError
from impasto.jobs.encoder_at_hand import with_encoder_at_hand
from impasto.jobs.request_json import KEY, to_json
from impasto.jobs.video_request import AnyRequest
from impasto.painting.animations import MARK as SNAPSHOTS_MARK
from impasto.painting.animations import VIDEO
from impasto.recipes.recipe import FIELDS

SOURCES = "sources"
"""Metadata: digests of the files that the picture was made from."""

SAVED = "saved"
"""Metadata: bits a sample, and what was kept of the photograph's metadata; absent by default."""

UNFINISHED = "unfinished"
"""Metadata: set in a picture whose run was stopped."""

MARK = "Impasto"
"""Of pages (their generator), and comment of animations."""

_DIGITS = 32
_VIDEO_START = 1 << 20  # bytes: the table of frames is much shorter
_LOSSES = ["stage", "step", "height", "width", "seconds"]
_EVALUATION = ["method", "result", "content_file", "style_file"]


class Existing(Enum):
    """What is at the path of an output."""

    NOTHING = "nothing"
    SAME = "the finished picture of the same request"
    UNFINISHED = "a picture of the same request, which was stopped"
    OTHER = "something else"


def source_digests(request: AnyRequest) -> str:
    """The beginnings of the SHA-256 of the files that a request reads, in their order."""
    return ",".join(_digests(request))


def find_existing(
    path: str | Path, request: AnyRequest, *, depth: int = 8, source_metadata: str = "strip"
) -> Existing:
    """What is at the path of a request's output; a picture counts only if all of it decodes.

    Args:
        path: The output.
        request: What would make it.
        depth: Bits a sample that it would be saved with.
        source_metadata: What it would keep of the photograph's metadata.
    """
    if not os.path.lexists(path):
        return Existing.NOTHING
    request, _ = with_encoder_at_hand(request)
    try:
        metadata = images.read_metadata(path)
        made_by = metadata.get(KEY), metadata.get(SOURCES)
        if made_by != (to_json(request), source_digests(request)):
            return Existing.OTHER
        saved = provenance_of_saving(depth, source_metadata)
        if metadata.get(SAVED, "") != saved.get(SAVED, ""):
            return Existing.OTHER
        images.read(path)
    except ImpastoError:
        return Existing.OTHER
    return Existing.UNFINISHED if UNFINISHED in metadata else Existing.SAME


def is_own_file(path: str | Path) -> bool:
    """Whether Impasto wrote a picture, sheet, page, table or evaluation."""
    path = Path(path)
    suffix = path.suffix.lower()
    try:
        if suffix == VIDEO:
            return _is_own_video(path)
        if suffix in images.FORMATS:
            return "impasto" in images.read_metadata(path) or _has_mark(path)
        with path.open(encoding="utf-8", errors="replace") as file:
            start = file.read(4096)
    except (ImpastoError, OSError):
        return False
    is_table = _is_own_table(start.partition("\n")[0].strip().split(","))
    is_evaluation = start.lstrip("{ \n").startswith('"impasto"')
    return is_table or is_evaluation or f'<meta name="generator" content="{MARK}">' in start


def _has_mark(path: Path) -> bool:
    """Whether an animation has Impasto's comment; GIF has no other place for metadata."""
    from impasto.images.opening import open_file

    return open_file(path).image.info.get("comment") == MARK.encode()


def _is_own_video(path: Path) -> bool:
    """Whether a video has Impasto's comment, which is before its frames."""
    with path.open("rb") as file:
        return SNAPSHOTS_MARK.encode() in file.read(_VIDEO_START)


def _is_own_table(columns: list[str]) -> bool:
    is_study = columns[0] in FIELDS and "picture" in columns[1:3]
    return is_study or columns[:5] == _LOSSES or columns[:4] == _EVALUATION


def _digests(request: AnyRequest) -> Iterator[str]:
    for name in request.files:
        if os.path.isfile(name):
            try:
                state = os.stat(name)
            except OSError:  # removed just now
                continue
            yield _digest(os.path.realpath(name), state.st_mtime_ns, state.st_size)


@functools.lru_cache(maxsize=256)
def _digest(path: str, modified: int, size: int) -> str:
    digest = hashlib.sha256()
    try:
        with open(path, "rb") as file:
            while block := file.read(1 << 20):
                digest.update(block)
    except OSError:
        return "unreadable"
    return digest.hexdigest()[:_DIGITS]


def provenance_of_saving(depth: int, source_metadata: str) -> dict[str, str]:
    """How a picture was saved, if that differs from the defaults."""
    if (depth, source_metadata) == (8, "strip"):
        return {}
    return {SAVED: f"depth {depth}, metadata {source_metadata}"}


def provenance_of(
    request: AnyRequest, sources: str | None = None, *, is_finished: bool
) -> Mapping[str, str]:
    """The entries of a picture's metadata by which :func:`find_existing` knows it again.

    Args:
        request: What made it.
        sources: :func:`source_digests` from before the files were read; None: those of now.
        is_finished: Whether all the work was done.
    """
    unfinished = {} if is_finished else {UNFINISHED: "yes"}
    return {SOURCES: source_digests(request) if sources is None else sources, **unfinished}
