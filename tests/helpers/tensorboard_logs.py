"""What a TensorBoard log holds."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest


def shown(folder: Path) -> Any:
    accumulator = pytest.importorskip("tensorboard.backend.event_processing.event_accumulator")
    events = accumulator.EventAccumulator(str(folder / "tensorboard"))
    events.Reload()
    return events


def scalars(folder: Path, name: str) -> list[tuple[int, float]]:
    return [
        (event.step, pytest.approx(event.value, rel=1e-5)) for event in shown(folder).Scalars(name)
    ]
