"""A folder of small photographs, and a batch over it in this process."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from helpers.random_inputs import smooth_picture
from impasto import images
from impasto.batch.plan import Plan
from impasto.batch.rows import Template
from impasto.batch.run import BatchOptions, run_batch
from impasto.batch.schedule import Tally
from impasto.jobs.requests import StyleInput
from impasto.runtime.files import short_lived_files

WAVE = Template(styles=(StyleInput("great-wave"),))


@pytest.fixture(scope="session")
def photos(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Seven photographs, two of them in a folder below."""
    folder = tmp_path_factory.mktemp("photos")
    (folder / "sub").mkdir()
    with short_lived_files():
        for number in range(7):
            name = f"sub/p{number}.png" if number > 4 else f"p{number}.png"
            images.write(folder / name, smooth_picture(40, 48, seed=number))
    return folder


@pytest.fixture
def batch(tmp_path: Path) -> Callable[..., Tally]:
    """Runs a batch in this process; keywords are those of the plan, and of the options."""

    def run(source: object, output: object = "out", /, **given: Any) -> Tally:
        options = {name: given.pop(name) for name in [*given] if name in _OPTIONS}
        values = {"template": WAVE, "shard_size": 3, **given}
        place = str(output) if "://" in str(output) else str(tmp_path / str(output))
        plan = Plan(str(source), place, str(tmp_path), **values)
        return run_batch(plan, BatchOptions(**{"workers": 0, **options}))

    return run


_OPTIONS = BatchOptions.__dataclass_fields__
