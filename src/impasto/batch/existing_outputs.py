"""Whether a row's picture can take its place, told before it is painted."""

from __future__ import annotations

from pathlib import Path

from impasto.batch.choices import FILES
from impasto.batch.outputs import TAKEN, Output
from impasto.batch.places import is_remote
from impasto.batch.plan import Plan
from impasto.batch.rows import Row
from impasto.errors import ImpastoError
from impasto.jobs.existing import Existing, find_existing, is_own_file


class PictureMadeError(Exception):
    """The same request made the picture before; ``str()`` is its file."""


def check_place(row: Row, plan: Plan, output: Output) -> None:
    """Check the place of a row with a request. In a store that is done when it is put there.

    Raises:
        PictureMadeError: If the picture is there already.
        ImpastoError: If something else is, which may not be replaced.
    """
    if plan.layout != FILES or is_remote(output.place) or not output.is_taken(row.output):
        return
    assert row.request is not None
    target = Path(output.path(row.output))
    if target.resolve() == Path(str(row.request.content)).resolve():
        raise ImpastoError(f"{target} is read and would be replaced: name another output.")
    found = find_existing(target, row.request, depth=plan.depth, source_metadata=plan.metadata)
    if found is Existing.SAME:
        raise PictureMadeError(str(target))
    if not (plan.overwrite and is_own_file(target)):
        raise ImpastoError(f"{target} {TAKEN}.")
