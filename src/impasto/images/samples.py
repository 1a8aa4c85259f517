"""The sample pictures that ship with Impasto (licences: ``data/samples/LICENSES.md``)."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

SAMPLES = Path(__file__).parents[1] / "data" / "samples"
"""The folder of the sample pictures."""


@dataclass(frozen=True)
class SamplePair:
    """A photograph and a painting whose style it is given.

    Attributes:
        content: File name of the photograph.
        style: File name of the painting.
        content_credit: Title and author of the photograph.
        style_credit: Author, title and year of the painting.
    """

    content: str
    style: str
    content_credit: str
    style_credit: str

    @property
    def content_path(self) -> Path:
        """Path of the photograph."""
        return SAMPLES / self.content

    @property
    def style_path(self) -> Path:
        """Path of the painting."""
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
"""The pairs that ``impasto demo`` paints, by the name of the result."""
