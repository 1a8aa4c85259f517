"""The pictures that come with Impasto, all free to use (see ``data/samples/LICENSES.md``)."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

SAMPLES = Path(__file__).parents[1] / "data" / "samples"
"""The folder of the pictures."""


@dataclass(frozen=True)
class SamplePair:
    """A photograph and the work it is painted after.

    Attributes:
        content: File name of the photograph.
        style: File name of the work.
        content_credit: What it is and by whom.
        style_credit: Likewise.
    """

    content: str
    style: str
    content_credit: str
    style_credit: str

    @property
    def content_path(self) -> Path:
        """The photograph's file."""
        return SAMPLES / self.content

    @property
    def style_path(self) -> Path:
        """The work's file."""
        return SAMPLES / self.style


PAIRS: Mapping[str, SamplePair] = {
    "tuebingen-starry-night": SamplePair(
        "tuebingen.jpg",
        "van-gogh-starry-night.jpg",
        "Tübingen, Neckarfront (Andreas Praefcke, CC BY 3.0)",
        "Vincent van Gogh, The Starry Night, 1889",
    ),
    "lighthouse-great-wave": SamplePair(
        "lighthouse.jpg",
        "hokusai-great-wave.jpg",
        "Lighthouse (Kodak Image Suite)",
        "Katsushika Hokusai, The Great Wave, c. 1831",
    ),
}
"""The pairs that ``impasto demo`` paints, by the name of the picture made."""
