"""The widget: what it shows and what it does. Imported only where anywidget is installed."""

from __future__ import annotations

import io
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import anywidget
import traitlets
from PIL import Image

from impasto.errors import ImpastoError, OptionError
from impasto.jobs.display import clock
from impasto.jobs.events import Event, Finished, Note, Preview, Progress
from impasto.jobs.requests import LARGEST_STROKES, PaintRequest, Source, StyleInput, StylizeRequest
from impasto.jobs.results import Result
from impasto.jobs.run import RunOptions
from impasto.notebook.job_thread import JobThread, StoppedError
from impasto.recipes.recipe import Recipe

_FOLDER = Path(__file__).parent
_SHOWN_SIDE = 1024
_QUALITY = 90

READY, RUNNING, FINISHED = "ready", "running", "finished"
STOPPED, FAILED = "stopped", "failed"


class StyleWidget(anywidget.AnyWidget):  # type: ignore[misc,unused-ignore]
    """A picture with sliders; see :func:`impasto.widget`.

    Attributes:
        style: Name of the chosen style, one of ``styles``.
        strength: 0 (the photograph) to 1.
        style_scale: Size of the strokes.
        styles: Names to choose from.
        paintable: Those of them with a picture, which can be painted by optimization.
        share: Of the work that is done, 0 to 1.
        state: ``"ready"``, ``"running"``, ``"finished"``, ``"stopped"`` or ``"failed"``.
        text: What is told below the picture.
        shown: The picture as it is shown, JPEG or PNG.
    """

    _esm = _FOLDER / "widget.js"
    _css = _FOLDER / "widget.css"

    style = traitlets.Unicode().tag(sync=True)
    strength = traitlets.Float(1.0, min=0.0, max=1.0).tag(sync=True)
    style_scale = traitlets.Float(1.0, min=0.25, max=LARGEST_STROKES).tag(sync=True)
    styles = traitlets.List(traitlets.Unicode()).tag(sync=True)
    paintable = traitlets.List(traitlets.Unicode()).tag(sync=True)
    share = traitlets.Float(0.0).tag(sync=True)
    state = traitlets.Unicode(READY).tag(sync=True)
    text = traitlets.Unicode("").tag(sync=True)
    shown = traitlets.Bytes(b"").tag(sync=True)

    def __init__(
        self,
        content: Source,
        sources: Mapping[str, Source],
        recipe: Recipe,
        options: RunOptions,
    ) -> None:
        self._content, self._sources = content, dict(sources)
        self._recipe, self._options = recipe, options
        self._result: Result | None = None
        self._job = JobThread(self._listen, self._fail)
        super().__init__(
            styles=list(sources),
            style=next(iter(sources)),
            paintable=[name for name, source in sources.items() if source != name],
        )
        self.observe(lambda _: self.stylize(), ["style", "strength", "style_scale"])
        self.on_msg(self._answer)
        self.stylize()

    @traitlets.validate("style")
    def _known(self, proposal: Any) -> Any:
        if proposal["value"] not in self.styles:
            raise traitlets.TraitError(f"style is one of {', '.join(self.styles)}.")
        return proposal["value"]

    @property
    def result(self) -> Result:
        """The last picture that was made: ``.save("out.png")`` writes it.

        Raises:
            ImpastoError: If there is none yet.
        """
        if self._result is None:
            raise ImpastoError("There is no picture yet: wait for the first one.")
        return self._result

    def stylize(self) -> None:
        """Make the picture in one pass, as the sliders say; it comes by itself when they move."""
        request = StylizeRequest(self._content, (self._style,)).replace(
            strength=self.strength, style_scale=self.style_scale, size=self._recipe.size
        )
        self._start(request)

    def paint(self) -> None:
        """Paint it by optimization, as the sliders say, with previews.

        Raises:
            OptionError: If the style has no picture.
        """
        if self.style not in self.paintable:
            raise OptionError(
                f"{self.style} is known by name only, and paintings need a picture: give one to "
                "impasto.widget."
            )
        recipe = self._recipe.replace(strength=self.strength, style_scale=self.style_scale)
        self._start(PaintRequest(self._content, (self._style,), recipe))

    def stop(self) -> None:
        """End after the current step, and keep the picture so far."""
        self._job.stop()

    def wait(self, timeout: float | None = None) -> bool:
        """Wait until the picture is finished; whether it is within ``timeout`` seconds."""
        return self._job.wait(timeout)

    @property
    def _style(self) -> StyleInput:
        return StyleInput(self._sources[self.style])

    def _start(self, request: PaintRequest | StylizeRequest) -> None:
        with self.hold_sync():
            self.state, self.share, self.text = RUNNING, 0.0, ""
        self._job.start(request, self._options)

    def _answer(self, _: Any, message: Any, __: Any) -> None:
        """Do what a button in the browser asks for."""
        actions = {"paint": self.paint, "stylize": self.stylize, "stop": self.stop}
        action = actions.get(message.get("do", "")) if isinstance(message, dict) else None
        if action is None:
            return
        try:
            action()
        except ImpastoError as error:
            self._fail(error)

    # --- in the thread of the job ----------------------------------------------------------------

    def _listen(self, event: Event) -> None:
        if isinstance(event, Progress):
            left = "" if not event.seconds_left else f", {clock(event.seconds_left)} left"
            with self.hold_sync():
                self.state = RUNNING
                self.share, self.text = event.share, f"{event.share:.0%}{left}"
        elif isinstance(event, Preview):
            self.shown = _encoded(event.to_pil())
        elif isinstance(event, Note):
            self.text = event.text
        elif isinstance(event, Finished):
            self._result = result = event.result
            height, width = result.tensor.shape[-2:]
            with self.hold_sync():
                self.shown = _encoded(result.image)
                self.state = FINISHED if result.is_finished else STOPPED
                self.share = 1.0 if result.is_finished else self.share
                self.text = f"{width}×{height} px in {result.seconds:.1f} s"

    def _fail(self, error: ImpastoError) -> None:
        with self.hold_sync():
            self.state = STOPPED if isinstance(error, StoppedError) else FAILED
            self.text = str(error)


def _encoded(image: Image.Image) -> bytes:
    """A picture for the browser: small enough to be sent twice a second."""
    image = image.copy()
    image.thumbnail((_SHOWN_SIDE, _SHOWN_SIDE))
    stream = io.BytesIO()
    if image.mode == "RGBA":
        image.save(stream, "PNG")
    else:
        image.save(stream, "JPEG", quality=_QUALITY)
    return stream.getvalue()
