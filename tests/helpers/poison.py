"""Worker processes that crash, run out of memory or take long, for pictures that say so.

``sitecustomize`` is imported by each Python process that finds it: it wraps the reader of files.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Callable
from pathlib import Path

from PIL import Image, PngImagePlugin

_CODE = """
import os, signal, time
from impasto.runtime import reading

plain = reading.read_capped

def read_capped(path, *, error):
    data = plain(path, error=error)
    if b"CRASH" in data:
        time.sleep(0.05)
        os.kill(os.getpid(), signal.SIGKILL)
    if b"MEMORY" in data:
        raise MemoryError
    if b"HANG" in data:
        time.sleep(3600)
    if b"SLOW" in data:
        time.sleep(0.25)
    return data

reading.read_capped = read_capped
"""

IMPASTO = [sys.executable, "-m", "impasto"]


def poisoned_environment(folder: Path) -> dict[str, str]:
    """Of processes whose reader does as pictures say.

    Args:
        folder: An empty one, for the code.
    """
    (folder / "sitecustomize.py").write_text(_CODE)
    before = os.environ.get("PYTHONPATH", "")
    path = os.pathsep.join(filter(None, (str(folder), before)))
    return {**os.environ, "PYTHONPATH": path, "OMP_NUM_THREADS": "1"}


def mark(path: Path, word: str) -> None:
    """Have a PNG file say a word: ``CRASH``, ``HANG``, ``MEMORY`` or ``SLOW``."""
    image = Image.open(path)
    image.load()
    info = PngImagePlugin.PngInfo()
    info.add_text("says", word)
    image.save(path, pnginfo=info)


def waited(condition: Callable[[], object], seconds: float = 300.0) -> None:
    """Wait until it is true."""
    import time

    end = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < end, "waited too long"
        time.sleep(0.02)
