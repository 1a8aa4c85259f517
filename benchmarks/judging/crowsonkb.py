"""The recipe of crowsonkb/style-transfer-pytorch, run by its own code from its folder.

Its VGG-19 is a download of torchvision. Where that cannot be had, another encoder with VGG-19's
layer names takes its place: its features are scaled, layer by layer, to the magnitude that its
readouts say VGG-19 has, since the recipe's weights are for that magnitude. Its pictures then are
those of the recipe, not those that the program makes by itself.
"""

from __future__ import annotations

import contextlib
import importlib
import io
import sys
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from types import ModuleType, SimpleNamespace
from typing import Any

import torch
from PIL import Image
from torch import Tensor, nn

from impasto import images
from impasto.encoders.vgg import Encoder
from impasto.errors import OptionError, option
from impasto.training.validation import Pair
from impasto.weights.open import open_encoder
from judging.digests import file_digest
from textbook import plain_layer

FETCH = (
    "clone https://github.com/crowsonkb/style-transfer-pytorch (MIT) and name its folder with "
    f"{option('crowsonkb')}."
)

LAYERS = {
    1: "relu1_1", 6: "relu2_1", 11: "relu3_1", 20: "relu4_1", 22: "relu4_2", 29: "relu5_1",
}  # fmt: skip
"""Index in torchvision's VGG-19 → name."""


def open_crowsonkb(
    folder: Path, encoder: str | None, *, divisor: int = 1
) -> tuple[str, Callable[[Pair], Tensor]]:
    """Identity and painting function.

    Args:
        folder: Of the program. Its code is run: name only one that you trust.
        encoder: Name or file of the encoder; None: torchvision's VGG-19, which is downloaded.
        divisor: Divides the numbers of iterations, to try the benchmark.

    Raises:
        OptionError: If the folder does not hold the program.
    """
    files = [folder / "style_transfer" / name for name in ("style_transfer.py", "sqrtm.py")]
    for path in files:
        if not path.is_file():
            raise OptionError(f"{path} is missing: {FETCH}")

    def paint(pair: Pair) -> Tensor:
        code = _code(folder / "style_transfer")
        content, style = (images.to_pil(p.tensor) for p in (pair.content, pair.style))
        if encoder is not None:
            features = EncoderFeatures(open_encoder(encoder), pair.content.tensor)
            code.VGGFeatures = lambda *_, **__: features
        program = code.StyleTransfer(devices=["cpu"])
        defaults = type(program).stylize.__kwdefaults__
        steps = {n: -(-defaults[n] // divisor) for n in ("iterations", "initial_iterations")}
        with contextlib.redirect_stdout(io.StringIO()):
            program.stylize(content, [style], end_scale=max(content.size), **steps)
        return program.get_image_tensor()[None]

    return f"crowsonkb {divisor} {file_digest(files)} {encoder}", paint


class EncoderFeatures(nn.Module):
    """Stands where the program has ``VGGFeatures``: index of a layer → features.

    Args:
        encoder: With the layers of ``LAYERS``.
        picture: (1, 3, H, W) on which magnitudes are measured.
    """

    def __init__(self, encoder: Encoder, picture: Tensor) -> None:
        super().__init__()
        self._mean, self._std = encoder.mean, encoder.std
        deepest = encoder.layers.index(max(LAYERS.values(), key=encoder.layers.index))
        self._names = encoder.layers[: deepest + 1]
        self._layers = nn.ModuleList(plain_layer(encoder, name) for name in self._names)
        self._layers.requires_grad_(False)
        self._scales = dict.fromkeys(LAYERS, 1.0)
        with torch.no_grad():
            own = self(picture)
            read = encoder(picture, list(LAYERS.values()))
            for index, name in LAYERS.items():
                mimicked = name if name in encoder.readouts else "relu4_1"
                raw = own[index] if name in encoder.readouts else own[20]
                ratio = read[mimicked].square().mean() / raw.square().mean()
                self._scales[index] = float(ratio.sqrt())

    def forward(self, image: Tensor, layers: Sequence[int] | None = None) -> dict[Any, Tensor]:
        """Features of the layers, and the picture itself as ``"input"``."""
        found: dict[Any, Tensor] = {"input": image}
        wanted = {LAYERS[index]: index for index in (LAYERS if layers is None else layers)}
        last = max(map(self._names.index, wanted))
        x = (image - self._mean) / self._std
        for name, layer in zip(self._names[: last + 1], self._layers, strict=False):
            x = layer(x)
            if name in wanted:
                found[wanted[name]] = x * self._scales[wanted[name]]
        return found

    def distribute_layers(self, devices: object) -> None:
        """All on the processor."""


def _code(folder: Path) -> Any:
    """The program's module, without the rest of its package, which is a web server."""
    package = ModuleType("crowsonkb_style_transfer")
    package.__path__ = [str(folder)]
    sys.modules[package.__name__] = package
    sys.modules.pop(f"{package.__name__}.style_transfer", None)
    with _torchvision():
        return importlib.import_module(f"{package.__name__}.style_transfer")


@contextlib.contextmanager
def _torchvision() -> Iterator[None]:
    """Stands in for torchvision where it is not installed: the one conversion that is used."""
    try:
        import torchvision  # type: ignore[import-not-found]  # noqa: F401
    except (ImportError, RuntimeError):
        functional = ModuleType("torchvision.transforms.functional")
        functional.to_tensor = _to_tensor  # type: ignore[attr-defined]
        functional.to_pil_image = _to_pil_image  # type: ignore[attr-defined]
        transforms = ModuleType("torchvision.transforms")
        transforms.functional = functional  # type: ignore[attr-defined]
        whole = ModuleType("torchvision")
        whole.models, whole.transforms = SimpleNamespace(), transforms  # type: ignore[attr-defined]
        standing = {module.__name__: module for module in (functional, transforms, whole)}
        before = {name: sys.modules.get(name) for name in standing}
        sys.modules.update(standing)
        try:
            yield
        finally:
            for name, module in before.items():
                if module is None:
                    del sys.modules[name]
                else:
                    sys.modules[name] = module
    else:
        yield


def _to_tensor(picture: Image.Image) -> Tensor:
    return images.from_pil(picture).tensor[0]


def _to_pil_image(picture: Tensor) -> Image.Image:
    return images.to_pil(picture[None])
