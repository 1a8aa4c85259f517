"""``impasto.paint_batch``: many pictures in one line of Python."""

from __future__ import annotations

import os
from collections.abc import Callable, Collection
from pathlib import Path
from typing import Any

from impasto.batch.choices import FILES, LOCAL
from impasto.batch.plan import Plan, default_log
from impasto.batch.rows import Template
from impasto.batch.run import BatchOptions, run_batch
from impasto.batch.schedule import Tally
from impasto.jobs.requests import parse_styles, split_styles
from impasto.recipes.presets import get_recipe
from impasto.recipes.recipe import Recipe


def paint_batch(
    source: str | Path,
    output: str | Path,
    style: str | Path | Collection[str] = (),
    *,
    recipe: str | Recipe | None = None,
    layout: str = FILES,
    format: str | None = None,
    log: str | None = None,
    shard_size: int = 0,
    ignored: Collection[str] = (),
    address: str = LOCAL,
    workers: int | None = None,
    workers_per_device: int = 1,
    device: str = "auto",
    memory: float | None = None,
    max_errors: int | None = None,
    timeout: float | None = None,
    retry_failed: bool = False,
    overwrite: bool = False,
    progress: Callable[[Tally], None] = lambda tally: None,
    **entries: Any,
) -> Tally:
    """Paint many pictures with many workers, or go on with a batch that was begun.

    Args:
        source: A folder, a pattern, a manifest (.csv, .jsonl, .parquet) or archives (.tar); here,
            or at s3://, gs:// or http(s)://.
        output: A folder here, or at s3:// or gs://.
        style: A picture, a style's name, or several with weights as ``"wave:0.6"``; rows of a
            manifest may have their own.
        recipe: Paints by optimization, by this recipe; None paints in one pass.
        layout: ``"files"`` with kept names, or ``"tar"``: an archive a shard.
        format: Suffix of the outputs, without its dot; None: as the contents'.
        log: ``"jsonl"`` or ``"parquet"``; None: Parquet for archives.
        shard_size: Pictures of a shard; 0: 1,000, or fewer for few pictures.
        ignored: Columns of the manifest that are for other programs.
        address: ``"local"``, or a Ray cluster: ``"auto"``, ``"ray://HOST:PORT"``, ``"HOST:PORT"``.
        workers: Their number; None: as the devices take; 0: this process.
        workers_per_device: On each GPU.
        device: Of the workers.
        memory: Bytes that the workers of a machine may take.
        max_errors: Pictures that may fail before the batch ends.
        timeout: Seconds that one picture may take before its worker is ended.
        retry_failed: Whether to paint again what failed before.
        overwrite: Whether older pictures of Impasto's are replaced.
        progress: Called with the tally as it changes.
        **entries: Of the request, such as ``strength=0.5``; or of the recipe.

    Returns:
        What became of the rows; it also says whether the batch ended early.

    Raises:
        ImpastoError: If the input, the output or an option cannot be used. Pictures that fail are
            rows of the log, and raise nothing.
    """
    given = [str(style)] if isinstance(style, str | Path) else [str(one) for one in style]
    styles = parse_styles([one for word in given for one in split_styles(word)])
    chosen = get_recipe(recipe) if isinstance(recipe, str) else recipe
    plan = Plan(
        str(source),
        str(output),
        os.getcwd(),
        Template.of(styles, entries, chosen),
        layout=layout,
        format=format,
        log=log or default_log(layout),
        ignored=tuple(sorted(ignored)),
        shard_size=shard_size,
        overwrite=overwrite,
    )
    options = BatchOptions(
        address, workers, workers_per_device, device, memory, max_errors, timeout, retry_failed
    )
    return run_batch(plan, options, listener=progress)
