"""The plan of a batch: what is fixed at its start, so that a restart goes on with the same."""

from __future__ import annotations

import contextlib
import dataclasses
import json
import os
import tempfile
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from impasto import __version__
from impasto.batch.choices import FILES, JSONL, LAYOUTS, PARQUET, TAR
from impasto.batch.inputs import LISTED, Input, read_input
from impasto.batch.listing import write_sorted
from impasto.batch.names import OWN, PARTIAL, PLAN
from impasto.batch.outputs import Output
from impasto.batch.places import is_remote
from impasto.batch.rows import Template, check_columns
from impasto.batch.shard_log import FOLDER, check_form
from impasto.batch.shards import SHARD_SIZE, Source
from impasto.errors import InputDataError, OptionError, option, unknown_name
from impasto.images.formats import DEPTHS, FORMATS, METADATA
from impasto.images.limits import MAX_PIXELS

NAMES = f"{OWN}/names.jsonl"
_VERSION = 1

_SHARDS_EACH = 4
"""Shards for each worker, at least: so that none waits long for the last one."""

_FREE = ("shard_size", "rows", "threads", "made_by", "overwrite")
"""Entries that a restart takes from the plan of the first start."""


@dataclass(frozen=True)
class Plan:
    """What a batch is.

    Attributes:
        input: Path, address or pattern, as it was given.
        output: Folder or address, as it was given.
        folder: The working folder that relative names belong to.
        template: What all rows have in common.
        layout: ``"files"`` with kept names, or ``"tar"``: an archive a shard.
        format: Suffix of the outputs, without its dot; None: as the contents'.
        quality: Of JPEG and WebP.
        depth: Bits a sample.
        metadata: What is kept of the photographs' metadata.
        log: ``"jsonl"`` or ``"parquet"``.
        max_pixels: Of input pictures.
        ignored: Columns that are none of Impasto's.
        shard_size: Rows of a shard.
        rows: Of a listed input, or if it is known.
        threads: Of each worker: sums of floats depend on it.
        state: Size of the manifests, by which it is known that they have changed.
        overwrite: Whether older pictures of Impasto's are replaced.
        made_by: Version of Impasto.
    """

    input: str
    output: str
    folder: str
    template: Template = field(default_factory=Template)
    layout: str = FILES
    format: str | None = None
    quality: int = 95
    depth: int = 8
    metadata: str = METADATA[0]
    log: str = JSONL
    max_pixels: int = MAX_PIXELS
    ignored: tuple[str, ...] = ()
    shard_size: int = 0
    rows: int | None = None
    threads: int = 1
    state: str = ""
    overwrite: bool = False
    made_by: str = __version__

    def to_dict(self) -> dict[str, Any]:
        """As plain values for JSON."""
        values = {f.name: getattr(self, f.name) for f in dataclasses.fields(self)}
        values.update(template=self.template.to_dict(), ignored=list(self.ignored))
        return {"version": _VERSION, **values}

    @classmethod
    def from_dict(cls, described: Mapping[str, Any]) -> Plan:
        """The plan of :meth:`to_dict`."""
        values = {name: value for name, value in described.items() if name != "version"}
        template = Template.from_dict(values.pop("template"))
        return cls(**{**values, "template": template, "ignored": tuple(values["ignored"])})

    @property
    def opened_input(self) -> Input:
        """The input, whose kind is told by its name."""
        return read_input(self.input)

    def source(self, output: Output) -> Source:
        """The rows of the input."""
        return self.opened_input.source(output.path(NAMES), self.rows)


def check_plan(plan: Plan) -> None:
    """Check what needs no file.

    Raises:
        OptionError: For a value that is not allowed.
    """
    if plan.layout not in LAYOUTS:
        raise unknown_name("layout of the output", plan.layout, LAYOUTS)
    if plan.format is not None and f".{plan.format}" not in FORMATS:
        formats = [suffix[1:] for suffix in FORMATS]
        raise unknown_name("format", plan.format, formats)
    if not 1 <= plan.quality <= 100:
        raise OptionError(f"The quality is {plan.quality}: choose 1 to 100.")
    if plan.depth not in DEPTHS:
        raise OptionError(f"{option('depth')} is the bits a sample: 8 or 16, not {plan.depth}.")
    if plan.shard_size < 0:
        raise OptionError(f"{option('shard_size')} must be 1 or more, not {plan.shard_size}.")
    check_form(plan.log)


def settle(plan: Plan, output: Output, *, workers: int, cores: int) -> tuple[Plan, bool]:
    """The plan that the output folder has, or this one, written there.

    Args:
        plan: What was asked for; a shard size of 0 is chosen here.
        output: Its output folder.
        workers: The most that there will be, for the size of shards.
        cores: Of the machine, which its workers divide among them.

    Returns:
        The plan, and whether the batch was begun before.

    Raises:
        OptionError: If the folder holds another batch, and may not be written anew.
        InputDataError: If the input cannot be read.
    """
    check_plan(plan)
    found = _read(output)
    if found is not None:
        plan = dataclasses.replace(plan, state=found.opened_input.state())
        if _fixed(found) == _fixed(plan) and plan.shard_size in (0, found.shard_size):
            return dataclasses.replace(found, overwrite=plan.overwrite), True
        if not plan.overwrite:
            raise OptionError(
                f"{output.place} holds another batch ({_difference(found, plan)}): name another "
                f"output, or begin anew there with {option('overwrite')}."
            )
        for name in (PLAN, FOLDER, PARTIAL, NAMES):
            output.remove(name)
    opened_input = plan.opened_input
    if opened_input.kind == LISTED:
        plan = dataclasses.replace(plan, rows=_list(opened_input, output, plan))
    plan = dataclasses.replace(plan, state=opened_input.state())
    source = plan.source(output)
    check_columns(source.columns(), plan.ignored)
    if next(source.shards(SHARD_SIZE), None) is None:
        raise InputDataError(f"{plan.input} has no rows: name a manifest with a picture a row.")
    count = source.count
    workers = max(1, min(workers, count or workers))
    plan = dataclasses.replace(
        plan,
        shard_size=plan.shard_size or _size_for(count, workers),
        rows=count,
        threads=max(1, cores // workers),
    )
    with _temporary(output) as local:
        local.write_text(json.dumps(plan.to_dict(), indent=2) + "\n", encoding="utf-8")
        output.put(local, PLAN)
    return plan, False


def default_log(layout: str) -> str:
    """Logs beside archives are Parquet, those beside files JSON lines."""
    return PARQUET if layout == TAR else JSONL


def _list(opened_input: Input, output: Output, plan: Plan) -> int:
    """List the pictures of a folder once; their number."""
    exclude = None if is_remote(plan.output) else Path(plan.output)
    if _is_same_folder(opened_input.base, plan.output):
        raise OptionError(f"{plan.output} is read and written: name another output folder.")
    with _temporary(output) as local:
        with local.open("wb") as file:
            count = write_sorted(opened_input.names(exclude=exclude), file)
        if not count:
            raise InputDataError(f"{plan.input} holds no pictures: name a folder of pictures.")
        output.put(local, NAMES)
    return count


def _is_same_folder(one: str, other: str) -> bool:
    if is_remote(one) or is_remote(other):
        return one.rstrip("/") == other.rstrip("/")
    return os.path.realpath(one) == os.path.realpath(other)


@contextlib.contextmanager
def _temporary(output: Output) -> Iterator[Path]:
    """A local file on the disk of the output, if that is here."""
    place = None
    if not is_remote(output.place):
        folder = Path(output.path(OWN))
        folder.mkdir(parents=True, exist_ok=True)
        place = folder
    with tempfile.TemporaryDirectory(prefix=".impasto-", dir=place) as folder_name:
        yield Path(folder_name) / "file"


def _size_for(rows: int | None, workers: int) -> int:
    if rows is None:
        return SHARD_SIZE
    return max(1, min(SHARD_SIZE, rows // (_SHARDS_EACH * workers)))


def _read(output: Output) -> Plan | None:
    text = output.text_of(PLAN)
    if text is None:
        return None
    try:
        described = json.loads(text)
        if described["version"] != _VERSION:
            raise ValueError(f"version {described['version']}")
        return Plan.from_dict(described)
    except (ValueError, KeyError, TypeError, AttributeError) as problem:
        raise InputDataError(
            f"{output.path(PLAN)} is no plan of a batch ({problem}): remove it, or name another "
            "output."
        ) from problem


def _fixed(plan: Plan) -> dict[str, Any]:
    values = json.loads(json.dumps(plan.to_dict()))
    return {name: value for name, value in values.items() if name not in _FREE}


def _difference(found: Plan, asked: Plan) -> str:
    one, other = _fixed(found), _fixed(asked)
    names = [name for name in one if one[name] != other[name]] or ["shard_size"]
    name = names[0]
    if name == "folder":
        return f"it was begun in the folder {found.folder}, to which its paths belong"
    return f"its {name.replace('_', ' ')} is another"
