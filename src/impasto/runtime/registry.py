"""A table of named objects that other packages can extend without changing this one."""

from __future__ import annotations

import importlib
import os
import sys
import warnings
from collections.abc import Iterator, Mapping, Sequence
from functools import cached_property
from typing import TYPE_CHECKING, Any, Generic, TypeVar, cast

from impasto.errors import OptionError

if TYPE_CHECKING:
    from importlib.metadata import EntryPoint

T = TypeVar("T")


class Registry(Mapping[str, T], Generic[T]):
    """Name → object: built-in entries, registered ones, and those of installed packages.

    Built-in entries are named by where they are defined, as installed packages name theirs in entry
    points: the table can be listed without importing them. An object is imported when it is looked
    up. The packages' metadata is read when a name is not in the table, or when the table is listed.

    Args:
        kind: What an entry is, in words, for error messages.
        type_: The class of every entry.
        group: Group of the entry points; each is the name of an entry and where it is defined.
        entries: The built-in entries: ``"module:NAME"``, or the object itself.
    """

    def __init__(
        self, kind: str, type_: type[T], group: str, entries: Mapping[str, T | str]
    ) -> None:
        self._kind, self._type, self._group = kind, type_, group
        self._entries = dict(entries)

    def register(self, name: str, entry: T) -> None:
        """Add an entry; adding the same one twice does nothing.

        Raises:
            OptionError: If the name is taken by another entry, or the entry has another type.
        """
        if not isinstance(entry, self._type):
            raise OptionError(
                f"The {self._kind} '{name}' must be a {self._type.__name__}, not {entry!r}."
            )
        if name in self._entries and self[name] is not entry:
            raise OptionError(f"The {self._kind} '{name}' already exists: choose another name.")
        self._entries[name] = entry

    def __getitem__(self, name: str) -> T:
        """The entry, imported if it was not looked up before.

        Raises:
            KeyError: For a name that nothing provides.
            OptionError: If the package that provides it cannot be imported, or gives another type,
                or if several packages provide it.
        """
        if name not in self._entries and name in self._entry_points:
            self.register(name, load_entry_point(self._kind, self._entry_points[name]))
        entry = self._entries[name]
        if isinstance(entry, str):
            module, _, attribute = entry.partition(":")
            self._entries[name] = entry = getattr(importlib.import_module(module), attribute)
        return cast("T", entry)

    def __contains__(self, name: object) -> bool:
        return name in self._entries or name in self._entry_points

    def __iter__(self) -> Iterator[str]:
        return iter({**self._entries, **self._entry_points})

    def __len__(self) -> int:
        return len({**self._entries, **self._entry_points})

    @property
    def known(self) -> tuple[str, ...]:
        """The built-in and registered names, and those of packages that were looked up before."""
        return tuple(self._entries)

    def usable(self) -> dict[str, T]:
        """All entries; those of a package that cannot be imported are left out with a warning."""
        entries = {}
        for name in self:
            try:
                entries[name] = self[name]
            except OptionError as error:  # noqa: PERF203
                warnings.warn(f"{error} Until then it is left out.", stacklevel=2)
        return entries

    @cached_property
    def _entry_points(self) -> Mapping[str, Sequence[EntryPoint]]:
        return entry_points(self._group)


def entry_points(group: str) -> dict[str, list[EntryPoint]]:
    """Name → the entry points of that name in a group; one, unless several packages use it."""
    if not _may_be_declared(group):
        return {}
    import importlib.metadata  # only here, since it takes time to import

    found: dict[str, list[EntryPoint]] = {}
    for point in importlib.metadata.entry_points(group=group):
        known = found.setdefault(point.name, [])
        # A package may be on the path twice, as its source and as its installed copy.
        if (_package(point), point.value) not in [(_package(p), p.value) for p in known]:
            known.append(point)
    return found


def _may_be_declared(group: str) -> bool:
    """Whether any installed package may declare a group: a quick look into the folders of the path.

    True also where that cannot be seen: in archives, and by finders of other kinds.
    """
    heading = f"[{group}]".encode()
    finders = (f for f in sys.meta_path if hasattr(f, "find_distributions"))
    if any(getattr(finder, "__name__", "") != "PathFinder" for finder in finders):
        return True
    for folder in sys.path:
        if folder.endswith(".egg"):
            return True
        try:
            with os.scandir(folder or ".") as entries:
                found = [e.path for e in entries if e.name.endswith((".dist-info", ".egg-info"))]
        except NotADirectoryError:
            return True
        except OSError:
            continue
        if any(_declares(path, heading) for path in found):
            return True
    return False


def _declares(metadata: str, heading: bytes) -> bool:
    """Whether a package's metadata has entry points of a group."""
    try:
        with open(os.path.join(metadata, "entry_points.txt"), "rb") as file:
            return heading in file.read().replace(b" ", b"")
    except OSError:
        return False


def load_entry_point(kind: str, points: Sequence[EntryPoint]) -> Any:
    """What an installed package declares under a name.

    Args:
        kind: What it is, in words, for the error message.
        points: The entry points of that name.

    Raises:
        OptionError: If it cannot be imported, or several packages declare it.
    """
    if len(points) > 1:
        packages = " and ".join(sorted(f"{_package(point)} ({point.value})" for point in points))
        raise OptionError(
            f"The {kind} '{points[0].name}' is provided by several packages, {packages}: uninstall "
            "all but one."
        )
    (point,) = points
    try:
        return point.load()
    except Exception as error:  # whatever another package raises while it is imported
        package = _package(point)
        raise OptionError(
            f"The {kind} '{point.name}' of the package {package} cannot be loaded from "
            f"{point.value} ({type(error).__name__}: {error}): update or uninstall {package}."
        ) from error


def _package(point: EntryPoint) -> str:
    return point.dist.name if point.dist else point.module
