"""The report of one painting: what went in, how it went, what came out."""

from __future__ import annotations

import platform
import shlex
from collections.abc import Mapping, Sequence
from pathlib import Path

import torch
from PIL import Image
from torch import Tensor

from impasto import images
from impasto.images.picture import fit_size, resize
from impasto.jobs.results import Painting, losses_of
from impasto.metrics.edges import (
    LEAST_SIDE,
    difference_picture,
    edge_difference,
    edge_map,
    edge_picture,
    high_frequency_energy,
)
from impasto.painting.pyramid import Stage
from impasto.painting.snapshots import Reel
from impasto.reports.html import check_page, data_uri, encoded, write_page
from impasto.reports.loss_curves import curves
from impasto.reports.parts import Figure, recipe_entries
from impasto.runtime.memory import peak_bytes
from impasto.runtime.optional import require

BY = "A report"
"""What says so if something is missing."""

STRIP = (1, 10, 50, 200)
"""Steps, counted over all sizes, whose pictures the strip shows before the last one."""

_FRAMES = 24
_THUMBNAIL = 360


class RunReport:
    """Collects what a page about a painting shows.

    Args:
        path: The page to make.
        stages: Of the painting.

    Attributes:
        reel: Small pictures of some steps.

    Raises:
        OptionError: If the path is no page's, or what pages are made with is missing.
    """

    def __init__(self, path: Path, stages: Sequence[Stage]) -> None:
        check_page(path, by=BY)
        require("matplotlib", by=BY)
        self._path = path
        total = sum(stage.steps for stage in stages)
        self._size = fit_size(stages[-1].size, _THUMBNAIL, max_enlarge=1.0)
        self._strip = {step for step in STRIP if step < total}
        self._film = {max(1, round(total * (i + 1) / _FRAMES)) for i in range(_FRAMES)}
        self.reel = Reel()

    def wants(self, number: int) -> bool:
        """Whether the picture of step ``number`` (from 1, over all sizes) is to be shown."""
        return number in self._strip or number in self._film

    def take(self, number: int, image: Tensor) -> None:
        """Keep a small picture of a step."""
        self.reel.add(number, images.to_pil(resize(image, self._size)))

    def write(
        self,
        painting: Painting,
        content: Tensor,
        styles: Mapping[str, Tensor],
        *,
        command: Sequence[str],
    ) -> Path:
        """Write the page, whole or not at all.

        Args:
            painting: What came out.
            content: The photograph (1, 3, H, W).
            styles: Name → style picture.
            command: The words that made it.
        """
        last = images.to_pil(resize(painting.tensor, self._size))
        numbers = [number for number in self.reel.numbers if number in self._strip]
        strip = [Figure(data_uri(self.reel[n]), f"step {n}") for n in numbers]
        strip.append(Figure(data_uri(last), f"step {len(painting.losses)}, the last"))
        result = resize(painting.tensor, (content.shape[-2], content.shape[-1]))
        return write_page(
            self._path,
            "report.html",
            title=Path(painting.sources.get("content", "a painting")).name,
            inputs=[
                Figure(
                    data_uri(_small(content)), f"content: {painting.sources.get('content', '')}"
                ),
                *(
                    Figure(data_uri(_small(style)), f"style: {name}")
                    for name, style in styles.items()
                ),
                Figure(data_uri(_small(painting.tensor)), "result"),
            ],
            curves=curves(painting.losses) if painting.losses else "",
            strip=strip,
            film=_film([*(self.reel[number] for number in self.reel.numbers), last]),
            edges=_edges(content, result),
            entries=recipe_entries(painting.recipe),
            facts=_facts(painting),
            command=shlex.join(["impasto", *command]),
        )


def _facts(painting: Painting) -> list[tuple[str, str]]:
    height, width = painting.tensor.shape[-2:]
    steps = len(painting.losses)
    facts = [
        ("size", f"{width} × {height} px"),
        ("steps", str(steps)),
        ("time", f"{painting.seconds:.1f} s"),
    ]
    if steps:
        last = losses_of(painting.losses[-1])
        facts += [(name, f"{value:.5g}") for name, value in last.items()]
    facts.append(("most memory held", f"{peak_bytes() / 1e9:.2f} GB"))
    facts += [
        ("torch", torch.__version__),
        ("Python", platform.python_version()),
        ("system", platform.platform()),
        ("threads", str(torch.get_num_threads())),
        ("processor", torch.backends.cpu.get_cpu_capability()),
    ]
    return facts


def _edges(content: Tensor, result: Tensor) -> list[Figure]:
    """Sobel maps of photograph and result, and what edges came and went."""
    if min(content.shape[-2:]) < LEAST_SIDE:
        return []
    told = {
        name: f"{name}; high-frequency energy {float(high_frequency_energy(picture)):.2e}"
        for name, picture in (("photograph", content), ("result", result))
    }
    difference = edge_difference(result, content)
    return [
        Figure(data_uri(_small(edge_picture(edge_map(content)))), told["photograph"]),
        Figure(data_uri(_small(edge_picture(edge_map(result)))), told["result"]),
        Figure(
            data_uri(_small(difference_picture(difference))),
            "edges that came (red) and went (blue)",
        ),
    ]


def _small(picture: Tensor) -> Image.Image:
    size = fit_size((picture.shape[-2], picture.shape[-1]), 2 * _THUMBNAIL, max_enlarge=1.0)
    return images.to_pil(resize(picture, size))


def _film(frames: Sequence[Image.Image]) -> str:
    """The evolution as an animation."""
    durations = [120] * (len(frames) - 1) + [1500]
    return encoded(
        frames[0], "WEBP", save_all=True, append_images=list(frames[1:]), duration=durations,
        loop=0, quality=75,
    )  # fmt: skip
