"""A worker is opened from plain values, wherever it runs."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import torch

from impasto.batch.outputs import open_output
from impasto.batch.plan import Plan
from impasto.batch.shard_work import ShardWork
from impasto.batch.tasks import WorkOptions


def opening_of(
    plan: Plan, options: WorkOptions, given: Mapping[str, str] | None = None
) -> dict[str, Any]:
    """What :func:`open_work` needs, as plain values.

    Args:
        plan: Of the batch.
        options: Of the worker.
        given: Name → local file of what came with the batch itself.
    """
    described = {name: getattr(options, name) for name in ("device", "memory", "io_threads",
                                                           "timeout")}  # fmt: skip
    return {"plan": plan.to_dict(), "options": described, "given": dict(given or {})}


def open_work(opening: Mapping[str, Any], scratch: Path, *, is_main: bool = True) -> ShardWork:
    """What does the tasks of a worker.

    Args:
        opening: Of :func:`opening_of`.
        scratch: A local folder of its own.
        is_main: Whether it works in the main thread of a process of its own.
    """
    plan = Plan.from_dict(opening["plan"])
    if is_main:
        torch.set_num_threads(plan.threads)
    output = open_output(plan.output)
    options = WorkOptions(**opening["options"], is_main=is_main)
    return ShardWork(plan, output, plan.source(output), options, scratch, opening["given"])
