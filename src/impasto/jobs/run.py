"""``run(request)``: yields events and ends in a result.

    for event in run(PaintRequest("photo.jpg", (StyleInput("painting.jpg"),))):
        match event:
            case Progress(): print(f"{event.share:.0%}")
            case Finished(): event.result.save("out.png")

Every interface uses it: Python, the command line, studies, ``rerun``. Checkpoints, Ctrl-C, the
memory plan and provenance are handled here once.
"""

from __future__ import annotations

import dataclasses
import importlib
from collections.abc import Callable, Generator, Iterator, Mapping
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import Any, Protocol, TypeAlias

from torch import Tensor

from impasto import images
from impasto.errors import ImpastoError, InputDataError
from impasto.images.picture import Picture
from impasto.images.source_info import SourceInfo
from impasto.jobs import one_pass, optimization
from impasto.jobs.checkpoints import Checkpoints
from impasto.jobs.encoder_at_hand import with_encoder_at_hand
from impasto.jobs.events import Event, Finished, Note, Progress
from impasto.jobs.existing import source_digests
from impasto.jobs.resources import Resources
from impasto.jobs.results import Result, Row, describe_request
from impasto.jobs.video_request import AnyRequest, ClipLimits, Encoding
from impasto.painting.pyramid import Stage
from impasto.painting.snapshots import FrameStore
from impasto.runtime.devices import DeviceLike, find_device
from impasto.runtime.files import absolute, shown
from impasto.runtime.memory import memory_errors


@dataclass(frozen=True)
class RecorderContext:
    """What a recorder is made from.

    Attributes:
        stages: Sizes and steps of the painting.
        alpha: The content's opacity, (1, 1, H, W), or None.
        metadata: For the files that the recorder writes.
    """

    stages: tuple[Stage, ...]
    alpha: Tensor | None
    metadata: Mapping[str, str]


class Recorder(Protocol):
    """Takes the picture of some steps, numbered over all sizes from 1."""

    @property
    def frames(self) -> FrameStore:
        """What a checkpoint has to keep of it."""
        ...

    def is_due(self, number: int) -> bool:
        """Whether it takes the picture of step ``number``."""
        ...

    def take(self, number: int, image: Tensor) -> None:
        """Take it, (1, 3, H, W) in [0, 1]."""
        ...


RecorderFactory: TypeAlias = Callable[[RecorderContext], Recorder]


@dataclass(frozen=True)
class RunOptions:
    """How a request is run; nothing here changes the picture.

    Attributes:
        device: Where to compute, see :func:`impasto.runtime.devices.find_device`.
        memory: Bytes that may be taken of the device's memory; two thirds of what is free if None.
        max_pixels: Larger pictures and masks are refused.
        estimate: Whether the time is estimated before the start (about a second).
        checkpoint: File that keeps the state of an optimization; None for none.
        checkpoint_seconds: Shortest time between two checkpoints, which also are at most 1 % of the
            time; 0 for one after every step.
        resume: Whether to go on from the checkpoint; without one the run starts from the beginning.
        discard_other_checkpoints: Whether a checkpoint that does not belong to this request, or is
            broken, is deleted instead of refused.
        handle_interrupt: Whether the first Ctrl-C, SIGTERM or SIGHUP stops the run after the
            current step, or within a long one; main thread only.
        acknowledge_interrupt: Whether that is said on stderr at once.
        preview_seconds: Seconds between two :class:`Preview` events; None for none.
        record_memory: Whether the peak memory of the process is noted in the result.
        depth: Bits a sample that the picture will be saved with. Very large pictures of one pass
            are held in 8 bits if that is enough.
        recorders: Name → what makes a recorder, such as snapshots or a report.
        output: File or folder that a clip is written to; a picture is in the result instead.
        encoding: How a clip is written.
        clip_limits: Longer clips are refused.
    """

    device: DeviceLike = "auto"
    memory: float | None = None
    max_pixels: int = images.MAX_PIXELS
    estimate: bool = False
    checkpoint: Path | None = None
    checkpoint_seconds: float = 30.0
    resume: bool = False
    discard_other_checkpoints: bool = False
    handle_interrupt: bool = False
    acknowledge_interrupt: bool = True
    preview_seconds: float | None = None
    record_memory: bool = False
    depth: int = 8
    recorders: Mapping[str, RecorderFactory] = field(default_factory=dict)
    output: Path | None = None
    encoding: Encoding = field(default_factory=Encoding)
    clip_limits: ClipLimits = field(default_factory=ClipLimits)


class Run(Iterator[Event]):
    """A request being run: an iterator of events that ends after :class:`Finished`.

    Args:
        request: What to make. Attribute ``request`` is the same, with the encoder that is used.
        options: How.
        resources: Encoders and models that are open already; fresh ones by default.
        listener: Called with every event, also with those inside a long call (tiles of one pass),
            which the iteration cannot yield.

    Attributes:
        inputs: Name → picture that was read, available from the first event on.
        source: What the content's file says beside its pixels, available from the first event on.
        recorders: Name → recorder, available from the first event on.
        should_stop: Whether :meth:`stop` was called.
        device: Where the work is done.
    """

    def __init__(
        self,
        request: AnyRequest,
        options: RunOptions | None = None,
        *,
        resources: Resources | None = None,
        listener: Callable[[Event], None] | None = None,
    ) -> None:
        request, notice = with_encoder_at_hand(request)
        self.request = request
        self.options = options or RunOptions()
        self.device = find_device(self.options.device)
        if self.options.checkpoint is not None:
            kept = absolute(self.options.checkpoint)  # the working folder may be removed
            self.options = dataclasses.replace(self.options, checkpoint=kept)
        self.resources = resources or Resources()
        self.inputs: dict[str, Picture] = {}
        self.source: SourceInfo | None = None
        self.recorders: dict[str, Recorder] = {}
        self.should_stop = False
        self.result_so_far: Callable[[], Result] | None = None
        self.checkpoints: Checkpoints | None = None
        self._listener = listener
        self._result: Result | None = None
        self._problems: set[str] = set()
        self._sources: str | None = None
        if notice and not self.resources.is_first_use(notice):
            notice = ""  # told for another picture of the batch
        self._events = _after_notice(notice, _runner(request.kind)(self))

    def __next__(self) -> Event:
        with memory_errors():
            if self._sources is None:  # a file may be replaced while it is painted
                self._sources = source_digests(self.request)
            event: Event = next(self._events)
        if isinstance(event, Finished):
            event = dataclasses.replace(event, result=self._of_sources(event.result))
            self._result, self.result_so_far = event.result, None
        self.emit(event)
        return event

    def emit(self, event: Event) -> None:
        """Pass an event to the listener only."""
        if self._listener is not None:
            self._listener(event)

    def attach_recorders(self, stages: tuple[Stage, ...], alpha: Tensor | None) -> None:
        """Make the recorders that the options ask for, for a painting of these stages."""
        context = RecorderContext(stages, alpha, describe_request(self.request))
        self.recorders = {name: make(context) for name, make in self.options.recorders.items()}

    def stop(self) -> None:
        """End after the current step, with a checkpoint if there is a file for one."""
        self.should_stop = True

    def close(self) -> None:
        """Cancel at once; :attr:`result` keeps the best picture so far."""
        try:
            if self._result is None and self.result_so_far is not None:
                self._result = self._of_sources(self.result_so_far())
        finally:
            self.result_so_far = None
            self._events.close()

    def __enter__(self) -> Run:
        return self

    def __exit__(self, *_: object) -> None:
        """Give back what the run holds, such as the handling of Ctrl-C."""
        self._events.close()

    @property
    def result(self) -> Result:
        """The picture: the finished one, or the best so far.

        Raises:
            ImpastoError: If nothing has been made yet.
        """
        if self._result is None and self.result_so_far is not None:
            return self._of_sources(self.result_so_far())
        if self._result is None:
            raise ImpastoError("There is no picture yet: the run has not come to its first step.")
        return self._result

    def _of_sources(self, result: Result) -> Result:
        return dataclasses.replace(result, sources=self._sources)

    def finish(self) -> Result:
        """Run to the end; the result."""
        with self:
            for _ in self:
                pass
        return self.result

    def attempt(self, action: Callable[[], object]) -> Generator[Note, None, bool]:
        """Do what is not worth losing the picture for, and return whether it succeeded.

        Yields a note if it fails, once for each problem.
        """
        try:
            action()
        except ImpastoError as error:
            if error.message not in self._problems:
                self._problems.add(error.message)
                yield Note(error.message, error)
            return False
        return True

    def use_checkpoints(self, write: Callable[[], object], size: Callable[[], int]) -> None:
        """Keep checkpoints in the file that the options name; see :class:`Checkpoints`."""
        assert self.options.checkpoint is not None
        self.checkpoints = Checkpoints(
            self.options.checkpoint, write, size, seconds=self.options.checkpoint_seconds
        )

    def resumed(self, load: Callable[[], list[Row]]) -> Generator[Note, None, list[Row]]:
        """The history that ``load`` reads from the checkpoint; empty if there is none to be read.

        Yields a note if the run starts from the beginning although it was to be resumed.

        Raises:
            InputDataError: If the checkpoint belongs to another request or is broken.
        """
        if not self.options.resume or self.checkpoints is None:
            return []
        path = self.checkpoints.path
        if not path.is_file():
            if not self.options.discard_other_checkpoints:
                yield Note(f"There is no checkpoint {shown(path)}: starting from the beginning.")
            return []
        try:
            loaded = load()
        except InputDataError:
            if not self.options.discard_other_checkpoints:
                raise
            self.checkpoints.remove()
            return []
        self.checkpoints.is_kept = True
        return loaded

    def write_checkpoint_if_due(self, progress: Progress) -> Generator[Note, None, None]:
        """Write a checkpoint if it is time, or a size is finished and there is time for it."""
        if self.checkpoints is None:
            return
        if self.checkpoints.is_time():
            yield from self.attempt(self.checkpoints.write)
        elif progress.step == progress.of:
            total = progress.seconds + (progress.seconds_left or 0.0)
            if self.checkpoints.is_affordable(total):
                yield from self.attempt(partial(self.checkpoints.write, between=True))

    def save_checkpoint(self) -> bool:
        """Write a checkpoint now; whether there is one.

        Raises:
            ImpastoError: If it cannot be written.
        """
        if self.checkpoints is None:
            return False
        self.checkpoints.write()
        return True

    def remove_checkpoint(self) -> None:
        """Delete the checkpoint of a finished run."""
        if self.checkpoints is not None:
            self.checkpoints.remove()


def run(
    request: AnyRequest,
    options: RunOptions | None = None,
    *,
    resources: Resources | None = None,
    listener: Callable[[Event], None] | None = None,
) -> Run:
    """Run a request.

    Args:
        request: What to make.
        options: How.
        resources: Encoders and models that are open already; fresh ones by default.
        listener: See :class:`Run`.

    Returns:
        An iterator of events. The work happens while it is iterated.

    Raises:
        OptionError: If there is no such device.
        ImpastoError: While it is iterated, for pictures or options that cannot be used.
    """
    return Run(request, options, resources=resources, listener=listener)


def _after_notice(notice: str, events: Iterator[Event]) -> Generator[Event, None, None]:
    if notice:
        yield Note(notice)
    yield from events


def _runner(kind: str) -> Callable[[Run], Any]:
    runner = _RUNNERS[kind]
    if callable(runner):
        return runner
    module, _, name = runner.partition(":")
    found: Callable[[Run], Any] = getattr(importlib.import_module(module), name)
    return found


_RUNNERS: Mapping[str, Callable[[Run], Any] | str] = {
    "paint": optimization.paint,
    "texture": optimization.texture,
    "reconstruct": optimization.reconstruct,
    "stylize": one_pass.stylize,
    "video": "impasto.video.job:paint_clip",
}
"""Kind of request → generator of its events, or where it is defined in a package above this."""
