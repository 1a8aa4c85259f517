"""Events of a run as lines of JSON on stdout, for programs that call the command line."""

from __future__ import annotations

import argparse
import sys
from pathlib import Path
from typing import Any

from impasto.cli.shared.messages import flag, print_json_line
from impasto.jobs.events import Event, Finished, Note, Planned, Progress
from impasto.jobs.run import Run


class EventLines:
    """Prints a line for each event, at once.

    If the reader has closed the pipe, nobody waits for the picture any more: the run is stopped.

    Args:
        running: The run.
        output: The file that it is for.
    """

    def __init__(self, running: Run, output: Path) -> None:
        self._running, self._output = running, str(output)

    def show(self, event: Event) -> None:
        """Print an event."""
        values = _values(event)
        if values is None:
            return
        print_json_line({**values, "output": self._output})
        if getattr(sys.stdout, "failure", None) is not None:
            self._running.stop()


def prints_events(args: argparse.Namespace) -> bool:
    """Whether stdout is for events; they hold all that is told to people otherwise."""
    return getattr(args, "events", False)


def _values(event: Event) -> dict[str, Any] | None:
    match event:
        case Planned():
            sizes = [[width, height] for height, width in event.sizes]
            return {
                "event": "planned",
                "sizes": sizes,
                "steps": list(event.steps),
                "seconds": event.seconds,
                "bytes": event.bytes,
            }
        case Progress():
            height, width = event.size
            return {
                "event": "progress",
                "share": event.share,
                "seconds": event.seconds,
                "seconds_left": event.seconds_left,
                "width": width,
                "height": height,
                "loss": event.loss,
            }
        case Note():
            return {"event": "note", "text": event.render(flag)}
        case Finished():
            height, width = event.result.tensor.shape[-2:]
            return {
                "event": "finished",
                "width": width,
                "height": height,
                "seconds": event.result.seconds,
                "finished": event.result.is_finished,
            }
    return None
