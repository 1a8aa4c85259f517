"""``run_batch(plan)``: paints many pictures with many workers, and goes on where it was stopped."""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager
from dataclasses import dataclass
from pathlib import Path

import torch

from impasto.batch.choices import LOCAL
from impasto.batch.engine import Engine, InProcessEngine, LocalEngine
from impasto.batch.names import OWN, PARTIAL
from impasto.batch.opening import opening_of
from impasto.batch.outputs import Output, open_output
from impasto.batch.places import is_remote
from impasto.batch.plan import Plan, settle
from impasto.batch.schedule import Schedule, Tally
from impasto.batch.shard_log import FinishedShards
from impasto.batch.tasks import GPU_IO_THREADS, WorkOptions
from impasto.errors import ImpastoError, OptionError, option
from impasto.runtime.devices import find_device, parse_device
from impasto.runtime.interrupts import stop_on_interrupt
from impasto.runtime.locks import locked
from impasto.runtime.memory import default_memory_budget

_BYTES_EACH = 1e9
"""Memory of a worker that paints pictures of ordinary size; larger ones are tiled."""

_NOTICE = "stopping after the pictures that are being painted"


@dataclass(frozen=True)
class BatchOptions:
    """How a batch is run; nothing here changes its pictures.

    Attributes:
        address: ``"local"``: processes of this machine; ``"auto"``, ``"ray://HOST:PORT"`` or
            ``"HOST:PORT"``: a Ray cluster.
        workers: Their number; None: as many as the devices take. 0: this process itself.
        workers_per_device: On each GPU.
        device: Of the workers; ``"auto"`` for all GPUs, or the CPU.
        memory: Bytes that all workers of a machine may take; None for two thirds of what is free.
        max_errors: Rows that may fail before the batch ends; None for any number.
        timeout: Seconds that one picture may take, from when it is fetched until it is written;
            None for any time. Then its worker is ended, as if the picture had crashed it.
        retry_failed: Whether to paint again what failed before.
        handle_interrupt: Whether Ctrl-C, SIGTERM and SIGHUP end the batch after the current
            pictures; main thread only.
        acknowledge_interrupt: Whether that is said on stderr at once.
    """

    address: str = LOCAL
    workers: int | None = None
    workers_per_device: int = 1
    device: str = "auto"
    memory: float | None = None
    max_errors: int | None = None
    timeout: float | None = None
    retry_failed: bool = False
    handle_interrupt: bool = False
    acknowledge_interrupt: bool = True


def run_batch(
    plan: Plan,
    options: BatchOptions | None = None,
    *,
    listener: Callable[[Tally], None] = lambda tally: None,
    started: Callable[[Plan, bool], None] = lambda plan, is_resumed: None,
) -> Tally:
    """Run a batch, or go on with one.

    Args:
        plan: What is to be made. An output folder that holds the same batch keeps its own plan.
        options: How.
        listener: Called with the tally as it changes.
        started: Called once with the plan that is used, and whether the batch was begun before.

    Returns:
        What became of it.

    Raises:
        ImpastoError: If the input, the output or an option cannot be used.
    """
    options = options or BatchOptions()
    _check(options)
    output = open_output(plan.output)
    with _cluster(options.address), _locked(output), _interrupts(options) as interrupted:
        devices = _devices(options)
        cores = torch.get_num_threads() if options.address == LOCAL else 1
        plan, is_resumed = settle(plan, output, workers=len(devices), cores=cores)
        started(plan, is_resumed)
        with contextlib.closing(_engine(plan, options, devices, interrupted)) as engine:
            schedule = Schedule(
                plan,
                plan.source(output),
                FinishedShards(output),
                engine,
                max_errors=options.max_errors,
                retry_failed=options.retry_failed,
                interrupted=interrupted,
                listener=listener,
            )
            tally = schedule.run()
        if not (tally.is_stopped or tally.problem):
            output.remove(PARTIAL)
    return tally


def _check(options: BatchOptions) -> None:
    for name, least in (("workers", 0), ("workers_per_device", 1), ("max_errors", 0)):
        value = getattr(options, name)
        if value is not None and value < least:
            raise OptionError(f"{option(name)} must be {least} or more, not {value}.")
    if options.timeout is not None:
        if not options.timeout > 0:
            raise OptionError(f"{option('timeout')} must be above 0, not {options.timeout:g}.")
        if options.workers == 0:
            raise OptionError(
                f"{option('timeout')} ends a worker's process, and with {option('workers')} 0 "
                "there is none: leave one of them out."
            )
    if options.address == LOCAL:
        find_device(options.device)
    elif options.device != "auto":  # which this machine may lack, and the cluster have
        parse_device(options.device)


def _devices(options: BatchOptions) -> list[str]:
    """The device of each worker, in this machine."""
    if options.address != LOCAL or options.workers == 0:
        return [options.device] * (options.workers or 1)
    device = find_device(options.device)
    if str(device) == "cuda":
        names = [f"cuda:{number}" for number in range(torch.cuda.device_count())]
    else:
        names = [str(device)]
    if device.type == "cpu":
        fitting = int((options.memory or default_memory_budget()) / _BYTES_EACH)
        count = options.workers or max(1, min(torch.get_num_threads(), fitting))
    else:
        count = options.workers or len(names) * options.workers_per_device
    return [names[number % len(names)] for number in range(count)]


def _cluster(address: str) -> AbstractContextManager[None]:
    """Within the block the program is connected to a cluster, if it is to use one."""
    if address == LOCAL:
        return contextlib.nullcontext()
    from impasto.batch.ray_engine import connected

    return connected(address)


def _engine(
    plan: Plan, options: BatchOptions, devices: list[str], interrupted: Callable[[], bool]
) -> Engine:
    if options.address != LOCAL:
        from impasto.batch.ray_engine import RayEngine

        return RayEngine(
            plan, options.workers, options.workers_per_device, options.device, options.memory,
            timeout=options.timeout,
        )  # fmt: skip
    if options.workers == 0:
        work = WorkOptions(options.device, options.memory)
        return InProcessEngine(opening_of(plan, work), interrupted)
    # More workers than rows would only take memory.
    devices = devices[: max(1, min(len(devices), plan.rows or len(devices)))]
    memory = (options.memory or default_memory_budget()) / len(devices)
    openings = []
    for device in devices:
        io_threads = 1 if device == "cpu" else GPU_IO_THREADS
        work = WorkOptions(device, memory, io_threads, options.timeout)
        openings.append(opening_of(plan, work))
    return LocalEngine(openings, plan.folder, plan.threads)


@contextlib.contextmanager
def _locked(output: Output) -> Iterator[None]:
    """Within the block no other batch of this machine writes to a local output folder."""
    if is_remote(output.place):
        yield
        return
    folder = Path(output.path(OWN))
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as problem:
        raise ImpastoError(
            f"{folder} cannot be made ({problem.strerror}): choose another output."
        ) from problem
    with locked(folder, remedy="wait for that batch, or name another output."):
        yield


@contextlib.contextmanager
def _interrupts(options: BatchOptions) -> Iterator[Callable[[], bool]]:
    if not options.handle_interrupt:
        yield lambda: False
        return
    with stop_on_interrupt(_NOTICE if options.acknowledge_interrupt else "") as request:
        yield lambda: request.made
