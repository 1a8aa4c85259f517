"""Dataclass fields that describe themselves: help, group, range, choices, other spellings.

Recipes and requests declare each entry once with :func:`entry`. Validation, the command line, the
tables of the docs and forms read the declaration through :func:`entries`.
"""

from __future__ import annotations

import dataclasses
import sys
from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from impasto.errors import OptionError, option, unknown_name
from impasto.runtime.in_memory import kind_of_label, label

_KEY = "impasto.entry"


@dataclass(frozen=True)
class Objects:
    """Objects that a program may give for a name.

    Attributes:
        kind: What they are, in a word, as :func:`impasto.runtime.in_memory.label` calls them.
        accepts: Whether something is one.
        words: The same for people, such as ``an impasto.Statistic``.
    """

    kind: str
    accepts: Callable[[Any], bool]
    words: str


@dataclass(frozen=True)
class Entry:
    """What is declared of one field.

    Attributes:
        help: What it is, in one line without a full stop.
        group: Heading that it is listed under.
        range: Least and greatest value of a number.
        choices: The names that it may have, or a function that lists them; None if they are open.
        aliases: Other spellings of its name that are accepted.
        papers: What published recipes use, for the tables of the docs.
        objects: What a program may give instead of a name, if anything.
        name: Of the field.
        kind: Its type: ``str``, ``int``, ``float``, ``bool``, or ``dict`` for layers with weights.
        default: Its default value.
    """

    help: str
    group: str = ""
    range: tuple[float, float] | None = None
    choices: Collection[str] | Callable[[], Collection[str]] | None = None
    aliases: tuple[str, ...] = ()
    papers: str = ""
    objects: Objects | None = None
    name: str = ""
    kind: type = str
    default: Any = None

    @property
    def names(self) -> tuple[str, ...] | None:
        """The names that the entry may have now, or None if they are open."""
        listed = self._listed
        return None if listed is None else tuple(listed)

    @property
    def _listed(self) -> Collection[str] | None:
        """The same as a collection, which may find a name without listing all."""
        return self.choices() if callable(self.choices) else self.choices

    def typed(self, value: Any) -> Any:
        """The value in the entry's own type: TOML, JSON and callers may give 1 for 1.0.

        Raises:
            OptionError: For a value of another type.
        """
        if self.kind is str and isinstance(value, (str, Path)):
            return str(value)
        if self.kind is bool and isinstance(value, bool):
            return value
        if self.kind is float and is_number(value):
            return float(value)
        if self.kind is int and is_number(value) and value == value // 1:
            return int(value)
        if self.objects is not None and self.objects.accepts(value):
            return value
        if self.kind is not dict:
            words = {int: "a whole number", float: "a number", str: "a word", bool: "true or false"}
            if self.objects is not None:
                words[str] = f"a name or {self.objects.words}"
            raise OptionError(
                f"{option(self.name)} takes {words[self.kind]}, not {value!r}.",
                got=value,
                allowed=words[self.kind],
            )
        if not isinstance(value, Mapping) or not value or not all(map(is_number, value.values())):
            raise OptionError(
                f"{option(self.name)} takes layers with weights, not {value!r}.", got=value
            )
        return {str(layer): float(weight) for layer, weight in value.items()}

    def check(self, value: Any) -> None:
        """Raise an OptionError for a value that is not allowed."""
        if self.objects is not None:
            if not isinstance(value, str):
                self.typed(value)
                return
            if kind_of_label(value) == self.objects.kind:  # in the metadata of a picture
                return
        listed = self._listed
        if listed is not None and value not in listed:
            raise unknown_name(f"value of {option(self.name)}", str(value), listed)
        # Written so that NaN is refused too.
        if self.range is not None and not self.range[0] <= value <= self.range[1]:
            least, greatest = self.range
            raise OptionError(
                f"{option(self.name)} must be from {least:g} to {greatest:g}, not {value}.",
                got=value,
                allowed=self.range,
            )
        if self.kind is dict:
            for layer, weight in value.items():
                if not 0 <= weight < float("inf"):
                    raise OptionError(
                        f"{option(self.name)}: the weight of {layer} must be 0 or more, "
                        f"not {weight}."
                    )
            if not any(value.values()):
                raise OptionError(f"{option(self.name)} needs a layer with a weight above 0.")


def entry(default: Any, help: str, **described: Any) -> Any:
    """A dataclass field with its description.

    Args:
        default: Its value; of a mapping, each instance gets a copy.
        help: See :class:`Entry`.
        **described: Further attributes of :class:`Entry`: group, range, choices, aliases, papers.
    """
    metadata = {_KEY: Entry(help, **described)}
    if isinstance(default, Mapping):
        return dataclasses.field(default_factory=lambda: dict(default), metadata=metadata)
    return dataclasses.field(default=default, metadata=metadata)


_KINDS = {kind.__name__: kind for kind in (str, int, float, bool)}

_KNOWN: dict[type, Mapping[str, Entry]] = {}


def entries(kind: type) -> Mapping[str, Entry]:
    """Name → entry of a dataclass, in order; fields without a description are left out."""
    if kind not in _KNOWN:
        _KNOWN[kind] = _entries(kind)
    return _KNOWN[kind]


def _entries(kind: type) -> Mapping[str, Entry]:
    found = {}
    for field in dataclasses.fields(kind):
        if _KEY not in field.metadata:
            continue
        # By name, and not evaluated: other fields may have types whose modules are not imported.
        name = field.type if isinstance(field.type, str) else field.type.__name__
        factory = field.default_factory
        default = field.default if factory is dataclasses.MISSING else factory()
        found[field.name] = dataclasses.replace(
            field.metadata[_KEY],
            name=field.name,
            kind=_KINDS.get(name.partition(" | ")[0], dict),
            default=default,
        )
    return found


def check_entries(instance: Any) -> None:
    """Raise an OptionError for the first entry whose value is not allowed."""
    for name, declared in entries(type(instance)).items():
        declared.check(getattr(instance, name))


def typed_changes(kind: type, changes: Mapping[str, Any], what: str) -> dict[str, Any]:
    """Changes to a dataclass's entries: aliases resolved, values in the entries' types.

    Args:
        kind: The dataclass.
        changes: Name or alias → value.
        what: What an entry is called in the error for an unknown name.

    Raises:
        OptionError: For a name that is none, one given twice, or a value of another type.
    """
    declared, typed = entries(kind), {}
    aliases = {alias: name for name, e in declared.items() for alias in e.aliases}
    for given, value in changes.items():
        name = aliases.get(given, given)
        if name not in declared:
            raise unknown_name(what, given, declared)
        if name in typed:
            raise OptionError(f"{option(name)} is given twice, also as {given}.")
        typed[name] = declared[name].typed(value)
    return typed


def plain_values(instance: Any) -> dict[str, Any]:
    """Name → value of every entry, for JSON and TOML; a label stands for an object."""
    values: dict[str, Any] = {}
    for name, declared in entries(type(instance)).items():
        value = getattr(instance, name)
        if isinstance(value, Mapping):
            value = dict(value)
        elif declared.objects is not None and not isinstance(value, str):
            value = label(declared.objects.kind, value)
        values[name] = value
    return values


def is_number(value: Any) -> bool:
    """Whether it is a number, and one that a float can hold (TOML's whole numbers are endless)."""
    if isinstance(value, bool) or not isinstance(value, (int, float)):
        return False
    return isinstance(value, float) or abs(value) <= sys.float_info.max
