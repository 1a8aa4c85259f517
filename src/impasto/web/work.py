"""What a worker process does: runs requests and reads metadata, in the folder of a job."""

from __future__ import annotations

import contextlib
import json
import math
import os
import signal
import sys
import threading
import traceback
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from PIL import Image

from impasto import images
from impasto.errors import ImageError, ImpastoError, OptionError, counted_noun
from impasto.jobs.display import PREVIEW_SECONDS
from impasto.jobs.events import Event, Finished, Note, Planned, Preview, Progress
from impasto.jobs.request_json import any_from_json, from_metadata, to_json
from impasto.jobs.requests import StylizeRequest
from impasto.jobs.resources import Resources
from impasto.jobs.results import Result
from impasto.jobs.run import Run, RunOptions, run
from impasto.jobs.video_request import AnyRequest, ClipLimits, Encoding, VideoRequest
from impasto.runtime.files import short_lived_files
from impasto.runtime.interrupts import stop_on_interrupt
from impasto.runtime.memory import memory_errors
from impasto.video.metadata import read_made_from
from impasto.video.result import VideoResult
from impasto.web.job_files import CHECKPOINT, ON_REQUEST, PREVIEW, RESULTS, SUFFIX
from impasto.web.planning import plan_of
from impasto.web.posted import check_result_size
from impasto.web.samples import named_styles
from impasto.web.settings import Limits
from impasto.web.worker import Pipe
from impasto.weights.store import downloads_refused

_PREVIEW_SIDE = 1024
_MOST_PIXELS = 2**31  # of a result, which was within the limits when it was made


class Work:
    """Does tasks; models stay open between them.

    Args:
        pipe: To the server.
    """

    def __init__(self, pipe: Pipe) -> None:
        self._pipe = pipe
        self._shared = Resources()
        self._home = Path.cwd()

    def do(self, task: dict[str, Any]) -> None:
        """Do one task; tells ``finished`` or ``failed`` at its end."""
        number, folder = task["task"], Path(task["folder"])
        self._pipe.tell(number, "begun")
        try:
            os.chdir(folder)
            with downloads_refused(), memory_errors(), short_lived_files():
                getattr(self, f"_do_{task['do']}")(number, task)
        except ImpastoError as error:
            text = error.render(lambda name: name.replace("_", " "))
            self._pipe.tell(number, "failed", message=_without(folder, text), field=error.field)
        except KeyboardInterrupt:
            self._pipe.tell(number, "failed", message="It was stopped before there was a picture.")
        except Exception as error:  # a mistake of Impasto's own ends the job, and is logged
            trace = "".join(traceback.format_exception(error))
            message = (
                f"The picture could not be made because of a mistake in Impasto "
                f"({type(error).__name__}): the server's log says where."
            )
            self._pipe.tell(number, "failed", message=message, trace=trace[-8000:])
        finally:
            os.chdir(self._home)

    def _do_metadata(self, number: int, task: dict[str, Any]) -> None:
        """The request that made a picture or a clip, from its metadata."""
        request = _made_from(Path(task["file"]))
        if request is None:
            raise OptionError(
                "The picture holds no settings: drop one that Impasto saved, as it was saved."
            )
        self._pipe.tell(number, "finished", answer=to_json(request))

    def _do_convert(self, number: int, task: dict[str, Any]) -> None:
        """A picture that was made before, in another format, with the same metadata."""
        made = images.read(task["file"], max_pixels=_MOST_PIXELS)
        images.write(task["to"], made, metadata=images.read_metadata(task["file"]))
        self._pipe.tell(number, "finished", answer="")

    def _do_plan(self, number: int, task: dict[str, Any]) -> None:
        """What a request would take."""
        found = plan_of(task["request"], task["shapes"], task["options"])
        self._pipe.tell(number, "finished", answer=json.dumps(found))

    def _do_run(self, number: int, task: dict[str, Any]) -> None:
        """Make a picture or a clip."""
        request, options = any_from_json(task["request"]), task["options"]
        is_one_pass, is_clip = isinstance(request, StylizeRequest), bool(options["output"])
        limits = Limits(**options["limits"])
        teller = _Teller(self._pipe, number, limits, request)
        running = run(
            request,
            RunOptions(
                device=options["device"],
                memory=options["memory"],
                max_pixels=limits.picture_pixels,
                estimate=not is_one_pass,
                checkpoint=None if is_one_pass else Path(CHECKPOINT),
                resume=Path(CHECKPOINT).exists() if is_clip else not is_one_pass,
                discard_other_checkpoints=True,
                handle_interrupt=True,
                acknowledge_interrupt=False,
                preview_seconds=PREVIEW_SECONDS,
                output=Path(options["output"]) if is_clip else None,
                encoding=Encoding(metadata="strip"),
                clip_limits=ClipLimits(limits.clip_seconds, limits.clip_frames, limits.clip_pixels),
            ),
            # Opened styles are known by their names, and every client's uploads have the same.
            resources=self._shared if _is_of_names(request) else Resources(),
            listener=teller.tell,
        )
        with _stopping(self._pipe, number, running), running:
            for _ in running:
                pass
        result = teller.finish()
        if result.is_finished:
            running.remove_checkpoint()


class _Teller:
    """Sends the events of a run to the server."""

    def __init__(self, pipe: Pipe, number: int, limits: Limits, request: AnyRequest) -> None:
        self._pipe, self._number, self._limits = pipe, number, limits
        self._request = request
        self._previews = 0
        self._finished: Finished | None = None

    def tell(self, event: Event) -> None:
        """Send one event."""
        if isinstance(event, Planned):
            self._check(event)
            self._send("planned", sizes=[[w, h] for h, w in event.sizes], steps=event.steps,
                       seconds=event.seconds, bytes=event.bytes, device=event.device)  # fmt: skip
        elif isinstance(event, Progress):
            height, width = event.size
            self._send("progress", share=event.share, seconds=event.seconds,
                       seconds_left=event.seconds_left, width=width, height=height,
                       step=event.step, of=event.of, number=event.number,
                       loss=event.loss)  # fmt: skip
        elif isinstance(event, Preview):
            self._preview(images.to_pil(event.image))
        elif isinstance(event, Note):
            self._send("note", text=event.render(lambda name: name.replace("_", " ")))
        else:
            self._finished = event

    def _check(self, planned: Planned) -> None:
        check_result_size(planned.sizes[-1], self._limits)
        steps, most = _steps_of(self._request, planned), self._limits.most_steps
        if steps > most:
            raise OptionError(
                f"The painting would take {counted_noun(steps, 'step')}, and this server makes at "
                f"most {most}: ask for fewer."
            )

    def _preview(self, image: Image.Image) -> None:
        self._previews += 1
        image = image.convert("RGB")
        image.thumbnail((_PREVIEW_SIDE, _PREVIEW_SIDE))
        image.save(f"new.{PREVIEW}", "JPEG", quality=85)
        os.replace(f"new.{PREVIEW}", PREVIEW)
        self._send("preview", number=self._previews, width=image.width, height=image.height)

    def finish(self) -> Result:
        """Show the picture at once, save it, and tell that it is there."""
        assert self._finished is not None
        result = self._finished.result
        self._preview(result.image)
        frames = {}
        if isinstance(result, VideoResult):
            frames = {"frames": result.frames}
        else:
            _save(result)
        height, width = result.tensor.shape[-2:]
        self._send("finished", width=width, height=height, seconds=round(result.seconds, 3),
                   is_finished=result.is_finished, is_resumable=self._finished.is_resumable,
                   request=json.loads(to_json(result.request)), **frames)  # fmt: skip
        return result

    def _send(self, event: str, **data: Any) -> None:
        self._pipe.tell(self._number, event, **data)


def _made_from(path: Path) -> AnyRequest | None:
    """The request that made a file; None if it does not say so."""
    try:
        return from_metadata(images.read_metadata(path))
    except ImageError:  # it is no picture
        made_from = read_made_from(path)
        if made_from is None:
            raise
    return made_from[0]


def _steps_of(request: AnyRequest, planned: Planned) -> int:
    """Steps of optimization; of a clip, for whose frames they are planned, one scene's."""
    if not isinstance(request, VideoRequest):
        return sum(planned.steps)
    if request.recipe is None:
        return 0
    painted = math.ceil(sum(planned.steps) / request.paint_every)
    return request.recipe.steps + (painted - 1) * request.frame_steps


def _is_of_names(request: AnyRequest) -> bool:
    """Whether all styles of a one-pass request are a model's own, and none is a picture."""
    if not isinstance(request, StylizeRequest) or request.regions:
        return False
    names = {name for names in named_styles().values() for name in names}
    return all(style.name in names for style in request.styles)


def _save(result: Result) -> None:
    for form, (name, _) in RESULTS.items():
        has_place = form != "jpeg" or result.alpha is None  # JPEG has no transparency
        if not has_place or form in ON_REQUEST:
            continue
        try:
            result.save(name)
        except ImageError:
            if form != "jpeg":  # which holds no request of more than 64 kB
                raise


@contextlib.contextmanager
def _stopping(pipe: Pipe, number: int, running: Run) -> Iterator[None]:
    """Within the block the server can stop the run: after the current step, or in a long one."""
    main = threading.main_thread().ident or 0

    def stop() -> None:
        running.stop()
        if sys.platform != "win32":  # there it ends after the step
            signal.pthread_kill(main, signal.SIGINT)

    with stop_on_interrupt(notice=""), pipe.stoppable(number, stop):
        yield


def _without(folder: Path, text: str) -> str:
    """A message without the names of the server's folders."""
    for name in (folder.resolve(), folder):
        text = text.replace(f"{name}{os.sep}", "").replace(str(name), "the server's folder")
    return text.replace(SUFFIX, "")
