"""The page of one painting: inputs, result, losses, evolution, recipe and machine."""

from __future__ import annotations

import platform
from collections.abc import Mapping, Sequence
from pathlib import Path

import torch
from PIL import Image
from torch import Tensor

from impasto import images
from impasto.images.picture import Picture, fit_size, resize
from impasto.jobs.results import Result, losses_of
from impasto.metrics.edges import (
    MIN_SIDE,
    edge_difference,
    edge_map,
    high_frequency_energy,
    render_edge_difference,
    render_edges,
)
from impasto.painting.pyramid import Stage
from impasto.painting.snapshots import FrameStore
from impasto.reports.html import check_page, data_uri, encoded, write_page
from impasto.reports.loss_curves import loss_curves
from impasto.reports.parts import Figure, recipe_entries
from impasto.runtime.command_text import command_line
from impasto.runtime.memory import peak_bytes
from impasto.runtime.optional import require

STRIP = (1, 10, 50, 200)
"""Steps, counted over all sizes, that are shown as pictures besides the last one."""

_REPORT = "A report"  # the subject of error messages
_ANIMATION_FRAMES = 24
_THUMBNAIL = 360


class RunReport:
    """Collects pictures during a painting, and writes a page about it.

    Attributes:
        frames: Small pictures of some steps.

    Raises:
        OptionError: The page's file name is not one of HTML, or an optional package is missing.
    """

    def __init__(self, path: Path, stages: Sequence[Stage]) -> None:
        check_page(path, by=_REPORT)
        require("matplotlib", by=_REPORT)
        self._path = path
        total = sum(stage.steps for stage in stages)
        self._size = fit_size(stages[-1].size, _THUMBNAIL, max_enlarge=1.0)
        self._strip = {step for step in STRIP if step < total}
        self._animation = {
            max(1, round(total * (i + 1) / _ANIMATION_FRAMES)) for i in range(_ANIMATION_FRAMES)
        }
        self.frames = FrameStore()

    def is_due(self, number: int) -> bool:
        """Whether the picture of step ``number`` (from 1, over all sizes) is shown."""
        return number in self._strip or number in self._animation

    def take(self, number: int, image: Tensor) -> None:
        """Keep a small picture of a step."""
        self.frames.add(number, images.to_pil(resize(image, self._size)))

    def write(
        self, result: Result, inputs: Mapping[str, Picture], *, command: Sequence[str]
    ) -> Path:
        """Write the page, atomically.

        Args:
            result: The painting.
            inputs: Name → picture: ``content``, and each style by its name.
            command: Arguments of the command line that made it.
        """
        content = inputs.get("content")  # a texture has none
        last = images.to_pil(resize(result.tensor, self._size))
        steps = [step for step in self.frames.steps if step in self._strip]
        strip = [Figure(data_uri(self.frames[step]), f"step {step}") for step in steps]
        strip.append(Figure(data_uri(last), f"step {len(result.losses)}, the last"))
        return write_page(
            self._path,
            "report.html",
            title=content.path.name if content and content.path else "a painting",
            inputs=[
                *(
                    [Figure(data_uri(_small(content.tensor)), f"content: {content.path or ''}")]
                    if content
                    else []
                ),
                *(
                    Figure(data_uri(_small(picture.tensor)), f"style: {name}")
                    for name, picture in inputs.items()
                    if picture is not content
                ),
                Figure(data_uri(_small(result.tensor)), "result"),
            ],
            curves=loss_curves(result.losses) if result.losses else "",
            strip=strip,
            animation=_animation([*(self.frames[step] for step in self.frames.steps), last]),
            edges=_edges(content.tensor, resize(result.tensor, content.size)) if content else [],
            entries=recipe_entries(result.recipe),
            facts=_facts(result),
            command=command_line(["impasto", *command]),
        )


def _facts(result: Result) -> list[tuple[str, str]]:
    height, width = result.tensor.shape[-2:]
    facts = [
        ("size", f"{width} × {height} px"),
        ("steps", str(len(result.losses))),
        ("time", f"{result.seconds:.1f} s"),
    ]
    if result.losses:
        last = losses_of(result.losses[-1])
        facts += [(name, f"{value:.5g}") for name, value in last.items()]
    return [
        *facts,
        ("peak memory", f"{peak_bytes() / 1e9:.2f} GB"),
        ("torch", torch.__version__),
        ("Python", platform.python_version()),
        ("system", platform.platform()),
        ("threads", str(torch.get_num_threads())),
        ("processor", torch.backends.cpu.get_cpu_capability()),
    ]


def _edges(content: Tensor, result: Tensor) -> list[Figure]:
    """Edge maps of photograph and result, and their difference."""
    if min(content.shape[-2:]) < MIN_SIDE:
        return []
    maps = [
        Figure(
            data_uri(_small(render_edges(edge_map(picture)))),
            f"{name}; high-frequency energy {float(high_frequency_energy(picture)):.2e}",
        )
        for name, picture in (("photograph", content), ("result", result))
    ]
    difference = render_edge_difference(edge_difference(result, content))
    return [*maps, Figure(data_uri(_small(difference)), "edges added (red) and lost (blue)")]


def _small(picture: Tensor) -> Image.Image:
    size = fit_size((picture.shape[-2], picture.shape[-1]), 2 * _THUMBNAIL, max_enlarge=1.0)
    return images.to_pil(resize(picture, size))


def _animation(frames: Sequence[Image.Image]) -> str:
    """The frames as an animation in a data URI; the last one is shown longer."""
    durations = [120] * (len(frames) - 1) + [1500]
    return encoded(
        frames[0], "WEBP", save_all=True, append_images=list(frames[1:]), duration=durations,
        loop=0, quality=75,
    )  # fmt: skip
