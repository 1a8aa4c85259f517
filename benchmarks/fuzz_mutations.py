"""Changes to files: bytes and blocks, lengths and checksums that fit again, nodes of JSON."""

from __future__ import annotations

import contextlib
import copy
import json
import random
import struct
import zlib
from typing import Any

_EXTREMES = (0, 1, 0x7F, 0x80, 0xFF, 0x7FFF, 0xFFFF, 0x7FFFFFFF, 0x80000000, 0xFFFFFFFF)
_STRANGE: tuple[Any, ...] = (
    None, True, -1, 0, 10**30, 10**400, 1e308, -0.0, "", "\0", "\ud800", "\x1b[2J", "a" * 5000,
    "../x", "//server/share/x", [], {}, [[]] * 50, {"a": {"b": {}}}, "1e999", "NaN",
)  # fmt: skip
_DEEP = (
    "[" * 100_000,
    '{"a":' * 50_000,
    "9" * 6000,
    '{"version": 1, "kind": ["paint"]}',
    "[1e999]",
)
PNG = b"\x89PNG\r\n\x1a\n"


def mutated(data: bytes, other: bytes, chance: random.Random) -> bytes:
    """A seed with one to four changes; ``other`` is a seed to take blocks from."""
    json_start = _json_start(data)
    if json_start is not None and chance.random() < 0.6:
        return _with_json(data, json_start, chance)
    changed = bytearray(data)
    for _ in range(chance.randint(1, 4)):
        _mutate(changed, other, chance)
    if changed.startswith(PNG) and chance.random() < 0.7:
        return _with_checksums(bytes(changed))
    return bytes(changed)


def _mutate(data: bytearray, other: bytes, chance: random.Random) -> None:
    place = chance.randrange(len(data) + 1)
    length = min(chance.choice((1, 2, 4, 8, 64, 1000)), len(data) - place)
    way = chance.randrange(8)
    if way == 0 and place < len(data):
        data[place] ^= 1 << chance.randrange(8)
    elif way == 1 and place < len(data):
        data[place] = chance.choice((0, 1, 0x7F, 0x80, 0xFF, chance.randrange(256)))
    elif way == 2:
        form = chance.choice(("<I", ">I", "<H", ">H"))
        value = chance.choice(_EXTREMES) & (0xFFFF if "H" in form else 0xFFFFFFFF)
        packed = struct.pack(form, value)
        data[place : place + len(packed)] = packed
    elif way == 3:
        del data[place : place + length]
    elif way == 4:
        data[place:place] = data[place : place + length]
    elif way == 5:
        start = chance.randrange(len(other) + 1)
        data[place : place + length] = other[start : start + length]
    elif way == 6:
        del data[place:]
    else:
        data[place:place] = bytes(chance.randrange(256) for _ in range(length))


def _json_start(data: bytes) -> int | None:
    """Where JSON begins: at 0, or after the length of a safetensors header."""
    if data.startswith(b"{"):
        return 0
    return 8 if data[8:9] == b"{" else None


def _with_json(data: bytes, start: int, chance: random.Random) -> bytes:
    """A file whose JSON has a strange node, and a length that fits."""
    size = int.from_bytes(data[:8], "little") if start else len(data)
    value = json.loads(data[start : start + size])
    text = _dumped(_strange(value, chance))
    if not start:
        return text
    return len(text).to_bytes(8, "little") + text + data[start + size :]


def _strange(value: Any, chance: random.Random) -> Any:
    """A value with one node changed; texts that are JSON themselves are changed inside."""
    if isinstance(value, str) and value[:1] in ("{", "[") and chance.random() < 0.8:
        if chance.random() < 0.2:
            return chance.choice(_DEEP)
        with contextlib.suppress(ValueError):
            return _dumped(_strange(json.loads(value), chance)).decode()
    if isinstance(value, dict) and value and chance.random() < 0.85:
        key = chance.choice(list(value))
        changed = dict(value)
        if chance.random() < 0.1:
            changed[chance.choice(("save_style", "x", "", "version", "\0"))] = changed.pop(key)
        else:
            changed[key] = _strange(changed[key], chance)
        return changed
    if isinstance(value, list) and value and chance.random() < 0.85:
        place = chance.randrange(len(value))
        return [*value[:place], _strange(value[place], chance), *value[place + 1 :]]
    if isinstance(value, int) and chance.random() < 0.5:
        return value + chance.choice((-1, 1, 10**6, -(10**12)))
    return copy.deepcopy(chance.choice(_STRANGE))


def _dumped(value: Any) -> bytes:
    return json.dumps(value).encode("ascii")


def png_chunk(name: bytes, content: bytes) -> bytes:
    check = struct.pack(">I", zlib.crc32(name + content))
    return struct.pack(">I", len(content)) + name + content + check


def _with_checksums(data: bytes) -> bytes:
    """A PNG whose checksums fit, so that the readers look at the content."""
    fixed, place = bytearray(data[:8]), 8
    while place + 12 <= len(data):
        size = int.from_bytes(data[place : place + 4], "big")
        if size > len(data):
            break
        fixed += png_chunk(data[place + 4 : place + 8], data[place + 8 : place + 8 + size])
        place += 12 + size
    return bytes(fixed) + data[place:]
