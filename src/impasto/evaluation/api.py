"""``impasto.evaluate``: the metrics of one picture."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path

from impasto import images
from impasto.encoders.vgg import Encoder
from impasto.errors import OptionError
from impasto.evaluation.evaluator import Evaluator
from impasto.images.picture import Picture, PictureLike
from impasto.jobs.results import Result
from impasto.runtime.devices import DeviceLike, find_device
from impasto.runtime.precision import moved
from impasto.weights.open import on_device, open_encoder


def evaluate(
    result: PictureLike | Result,
    content: PictureLike,
    style: PictureLike,
    *,
    metrics: Iterable[str] | None = None,
    encoder: str | Path | Encoder = "compact",
    size: int = 512,
    device: DeviceLike = "auto",
    max_pixels: int = images.MAX_PIXELS,
) -> dict[str, float]:
    """Measure how much of a photograph and of a style is in a result.

    The command ``impasto evaluate`` measures folders, and compares methods; ``impasto evaluate -h``
    lists the metrics, :data:`impasto.metrics.registry.METRICS` describes them.

    Args:
        result: A painting, or any picture as :func:`impasto.paint` takes it.
        content: The photograph, of the same shape.
        style: The painting whose style it has.
        metrics: Names, such as ``["gram", "ssim"]``; missing weights are downloaded. By default all
            metrics of single results whose weights are on this machine.
        encoder: Whose features are compared: a name, a file, or an :class:`impasto.Encoder`.
        size: A larger result is downscaled to this long side in pixels.
        device: Where to compute, as for :func:`impasto.paint`.
        max_pixels: Refuse larger pictures.

    Returns:
        Name → value; of a metric that compares several layers also ``name.layer``.

    Raises:
        ImpastoError: For pictures that cannot be read, or are too small or of different shapes; an
            unknown metric; or an encoder that is no :class:`impasto.Encoder`.
    """
    where = find_device(device)
    if isinstance(encoder, Encoder):
        opened = on_device(encoder, where)
    elif isinstance(encoder, str | Path):
        opened = moved(open_encoder(encoder), where)
    else:
        raise OptionError(
            "Metrics need an impasto.Encoder, or the name or file of one, not "
            f"{type(encoder).__name__}.",
            got=encoder,
        )
    if size < 1:
        raise OptionError(f"The size is {size} pixels: choose 1 or more.", got=size)
    names = [metrics] if isinstance(metrics, str) else metrics
    evaluator = Evaluator(opened, names, size=size, max_pixels=max_pixels)
    picture = Picture(result.tensor, result.alpha) if isinstance(result, Result) else result
    return evaluator.measure(picture, content, style)
