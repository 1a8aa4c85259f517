"""Pictures and figures are made once, and found again by the content that they depend on."""

from __future__ import annotations

import hashlib
import json
import time
from pathlib import Path
from typing import NamedTuple

from PIL import Image
from PIL.PngImagePlugin import PngInfo
from torch import Tensor

from impasto import images
from impasto.runtime.files import atomic_write
from impasto.training.validation import Pair
from judging.judges import Judge
from judging.methods import Method
from judging.pairs import pair_digest, title


class Painted(NamedTuple):
    """A picture (1, 3, H, W) of 256 levels, and the seconds that painting it took."""

    picture: Tensor
    seconds: float


class Cache:
    """Pictures and figures in a folder.

    A picture's key is the digest of the pair and of the method's identity; a figure's key is that
    of the painted pixels, the pair and the judge's identity. So another method costs only its own
    pictures and figures, and another judge only its own figures.

    Args:
        folder: It need not exist.
    """

    def __init__(self, folder: Path) -> None:
        self._folder = folder

    def paint(self, method: Method, pair: Pair) -> Painted:
        """The picture that a method makes of a pair.

        Levels are those of the file, whether it was painted just now or before.
        """
        path = self._folder / "pictures" / f"{_key(method.identity, pair_digest(pair))}.png"
        if not path.exists():
            started = time.perf_counter()
            picture = method.paint(pair)
            about = PngInfo()
            about.add_text("seconds", f"{time.perf_counter() - started:.6f}")
            about.add_text("title", f"{method.name} {title(pair)}")
            with atomic_write(path) as temporary:
                images.to_pil(picture).save(temporary, format="PNG", pnginfo=about)
        with Image.open(path) as file:
            seconds = float(file.text["seconds"])  # type: ignore[attr-defined]
        return Painted(images.read(path).tensor, seconds)

    def figures(self, judge: Judge, painted: Tensor, pair: Pair) -> dict[str, float]:
        """What a judge says of a picture: figure by name."""
        pixels = hashlib.sha256(images.as_uint8(painted).numpy().tobytes()).hexdigest()
        key = _key(judge.identity, pixels, pair_digest(pair))
        path = self._folder / "figures" / f"{key}.json"
        if path.exists():
            found: dict[str, float] = json.loads(path.read_text(encoding="utf-8"))
            return found
        found = judge.measure(painted, pair)
        with atomic_write(path) as temporary:
            temporary.write_text(json.dumps(found), encoding="utf-8")
        return found


def _key(*parts: str) -> str:
    return hashlib.sha256("\n".join(parts).encode()).hexdigest()[:24]
