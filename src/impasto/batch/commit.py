"""A finished shard takes its place: pictures under their names or in an archive, then its log."""

from __future__ import annotations

import dataclasses
import io
import json
import tarfile
from collections.abc import Sequence
from pathlib import Path, PurePosixPath

from impasto.batch.choices import TAR
from impasto.batch.outputs import Output, StorageError
from impasto.batch.plan import Plan
from impasto.batch.shard_log import Done, Entry, flush, write_log
from impasto.runtime.files import not_written


def made_file(work: Path, row: int, output: str) -> Path:
    """Where the picture of a row, of that output name, is until its shard is finished."""
    return work / f"{row:012}{PurePosixPath(output).suffix}"


def finish_shard(
    output: Output, plan: Plan, number: int, entries: Sequence[Entry], work: Path
) -> tuple[list[Entry], Done]:
    """Put the pictures of a shard and its log where they belong; from then on it is done.

    Args:
        output: Of the batch.
        plan: Of the batch.
        number: Of the shard.
        entries: In the order of the rows.
        work: Folder of the files.

    Returns:
        The entries as they were logged: a picture whose place is taken has failed.

    Raises:
        StorageError: If the output cannot be written to. What was put there is found again.
    """
    if plan.layout == TAR:
        archive = work / f"{number:09}.tar"
        try:
            _write_archive(archive, entries, work)
            flush(archive)
        except OSError as problem:
            raise not_written(archive, problem, StorageError) from problem
        output.put(archive, archive.name)
        logged = list(entries)
    else:
        logged = [_placed(output, plan, entry, work) for entry in entries]
    return logged, write_log(output, number, logged, plan.log, work)


def _placed(output: Output, plan: Plan, entry: Entry, work: Path) -> Entry:
    if entry.has_failed:
        return entry
    problem = output.put_new(
        made_file(work, entry.row, entry.output),
        entry.output,
        entry.sha256,
        overwrite=plan.overwrite,
    )
    return failed(entry, f"{output.path(entry.output)} {problem}.") if problem else entry


def failed(entry: Entry, error: str) -> Entry:
    """The same row without a picture, and why."""
    return dataclasses.replace(entry, error=error, bytes=0, sha256="", seconds=0.0)


def _write_archive(path: Path, entries: Sequence[Entry], work: Path) -> None:
    """A WebDataset archive; its bytes depend on the pictures alone, not on when it was made."""
    with tarfile.open(path, mode="w", format=tarfile.PAX_FORMAT) as archive:
        for entry in entries:
            if entry.has_failed:
                continue
            with made_file(work, entry.row, entry.output).open("rb") as file:
                archive.addfile(_member(entry.output, entry.bytes), file)
            described = json.dumps({"id": entry.id, "request": json.loads(entry.request)}).encode()
            name = str(PurePosixPath(entry.output).with_suffix(".json"))
            archive.addfile(_member(name, len(described)), io.BytesIO(described))


def _member(name: str, size: int) -> tarfile.TarInfo:
    member = tarfile.TarInfo(name)
    member.size, member.mode = size, 0o644
    return member
