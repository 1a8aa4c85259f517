"""Work that is kept while a clip is painted: encoded segments, and the painter's state at each end.

All is in a folder next to the output. A segment is a file, written whole or not at all, so whatever
ends a run costs at most the segment in hand.
"""

from __future__ import annotations

import contextlib
import json
import shutil
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from impasto.errors import ImpastoError, InputDataError, option
from impasto.runtime.files import atomic_write, shown
from impasto.runtime.safetensors import read_safetensors, serialize

_PLAN = "plan.json"
_COUNT = "frames of the segment"  # so that no state is a file without tensors


@dataclass(frozen=True)
class Packet:
    """Encoded data of a frame.

    Attributes:
        data: As the encoder made it.
        number: Of the frame, counted over the whole clip.
        is_key: Whether it can be decoded without others.
    """

    data: bytes
    number: int
    is_key: bool = True


@dataclass(frozen=True)
class Times:
    """When a frame is shown: time and duration in seconds."""

    pts: Fraction
    duration: Fraction


class Parts:
    """The folder of a clip's segments.

    Args:
        folder: Where they are kept; made when it is needed.
        plan: What is made, as plain values: segments of another plan are not used.

    Attributes:
        count: Segments that there are.
        is_of_another: Whether the folder was found to belong to another plan.
    """

    def __init__(self, folder: Path, plan: Mapping[str, Any]) -> None:
        self.folder, self._plan = folder, json.dumps(plan, sort_keys=True)
        self.count, self.is_of_another = 0, False

    def resume(self) -> bool:
        """Go on from the segments that there are; whether there are any.

        Raises:
            InputDataError: If they belong to something else.
        """
        try:
            plan = (self.folder / _PLAN).read_text(encoding="utf-8")
        except OSError:
            return False
        if plan != self._plan:
            self.is_of_another = True
            raise InputDataError(
                f"{shown(self.folder)} is from a clip painted in another way, from other files or "
                f"by another version: start without {option('resume')}."
            )
        while self._file(self.count).is_file() and self._state(self.count).is_file():
            self.count += 1
        return self.count > 0

    def begin(self) -> None:
        """Start with no segments; those that there are, are removed.

        Raises:
            ImpastoError: If the folder cannot be written.
        """
        self.count = 0
        with contextlib.suppress(OSError):
            for old in (*self.folder.glob("*.segment"), *self.folder.glob("*.safetensors")):
                old.unlink()
        with atomic_write(self.folder / _PLAN) as temporary:
            temporary.write_text(self._plan, encoding="utf-8")

    def add(
        self, packets: Sequence[Packet], times: Sequence[Times], state: Mapping[str, Tensor]
    ) -> None:
        """Keep a segment and the state of the painter after it.

        Raises:
            ImpastoError: If it cannot be written.
        """
        head = {
            "times": [[str(time.pts), str(time.duration)] for time in times],
            "packets": [[p.number, p.is_key, len(p.data)] for p in packets],
        }
        with atomic_write(self._file(self.count)) as temporary, temporary.open("wb") as file:
            file.write(json.dumps(head).encode() + b"\n")
            for packet in packets:
                file.write(packet.data)
        kept = {name: value.detach().cpu().contiguous() for name, value in state.items()}
        content = serialize({**kept, _COUNT: torch.tensor([len(times)])}, {})
        with atomic_write(self._state(self.count)) as temporary:
            temporary.write_bytes(content)
        self.count += 1

    @property
    def times(self) -> list[Times]:
        """Those of all frames, in order."""
        heads = (self._head(number)[0] for number in range(self.count))
        return [Times(Fraction(p), Fraction(d)) for head in heads for p, d in head["times"]]

    @property
    def order(self) -> list[int]:
        """The numbers of the frames in the order of their packets."""
        heads = (self._head(number)[0] for number in range(self.count))
        return [number for head in heads for number, _, _ in head["packets"]]

    def packets(self) -> Iterator[Packet]:
        """All packets in order, read one by one."""
        for segment in range(self.count):
            head, offset = self._head(segment)
            with self._file(segment).open("rb") as file:
                file.seek(offset)
                for number, is_key, size in head["packets"]:
                    yield Packet(file.read(size), number, is_key)

    def state(self) -> dict[str, Tensor]:
        """The painter's state after the last segment."""
        if not self.count:
            return {}
        state = dict(read_safetensors(self._state(self.count - 1))[0])
        del state[_COUNT]
        return state

    def remove(self) -> None:
        """Delete all."""
        with contextlib.suppress(OSError):
            shutil.rmtree(self.folder)

    def _file(self, number: int) -> Path:
        return self.folder / f"{number:06}.segment"

    def _state(self, number: int) -> Path:
        return self.folder / f"{number:06}.safetensors"

    def _head(self, number: int) -> tuple[Any, int]:
        """The head of a segment, and where its data begin."""
        try:
            with self._file(number).open("rb") as file:
                line = file.readline()
                return json.loads(line), len(line)
        except (OSError, ValueError) as error:
            raise ImpastoError(
                f"{shown(self._file(number))} cannot be read: start without {option('resume')}."
            ) from error
