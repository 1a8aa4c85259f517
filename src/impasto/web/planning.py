"""What a request would take, told before it is sent: with pictures of noise of the same shapes."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from impasto.errors import OptionError
from impasto.jobs.events import Planned
from impasto.jobs.request_json import from_json
from impasto.jobs.requests import StylizeRequest, TextureRequest
from impasto.web.job_files import SUFFIX
from impasto.web.settings import Limits

_MOST_SIDE = 65536
_GRAIN = 16.0  # standard deviation of the noise, of 255


def read_shapes(value: Any, limits: Limits) -> dict[str, tuple[int, int]]:
    """Upload → width and height, as a client posted them.

    Raises:
        OptionError: For anything else, or pictures that the server would not take.
    """
    if not isinstance(value, dict):
        raise OptionError("The shapes must be an object: width and height of every upload.")
    shapes = {}
    for name, sides in value.items():
        is_size = isinstance(sides, list) and len(sides) == 2
        if not is_size or not all(type(n) is int and 0 < n <= _MOST_SIDE for n in sides):
            raise OptionError(f"The shape of {str(name)[:40]!r} must be width and height.")
        if sides[0] * sides[1] > limits.picture_pixels:
            raise OptionError(
                f"A picture of {sides[0]}×{sides[1]} pixels is more than this server takes: send "
                f"one of at most {limits.picture_pixels}."
            )
        shapes[name] = (sides[0], sides[1])
    return shapes


def plan_of(
    text: str, shapes: Mapping[str, tuple[int, int]], options: Mapping[str, Any]
) -> dict[str, Any]:
    """Time, memory and the longest side of a request, as its run would tell them at its start.

    The working folder gets the pictures of noise.

    Args:
        text: The request, whose uploads are files of the working folder.
        shapes: Upload → width and height.
        options: Device, memory and limits, as a job gets them.

    Raises:
        ImpastoError: If the request cannot be run, for example because it needs too much memory.
    """
    from impasto.jobs.run import RunOptions, run  # torch, which the server does without

    request = from_json(text)
    if isinstance(request, StylizeRequest):
        raise OptionError("One pass takes moments, so nothing is estimated: send the request.")
    recipe = request.recipe
    side = max(request.size) if isinstance(request, TextureRequest) else recipe.size
    most = max(64, round(side * max(1.0, recipe.style_scale)))
    for name, shape in shapes.items():
        _write_noise(Path(f"{name}{SUFFIX}"), shape, most)
    running = run(
        request,
        RunOptions(
            device=options["device"],
            memory=options["memory"],
            max_pixels=options["limits"]["picture_pixels"],
            estimate=True,
        ),
    )
    with running:
        planned = next(event for event in running if isinstance(event, Planned))
    return {
        "sizes": [[width, height] for height, width in planned.sizes],
        "steps": planned.steps,
        "seconds": planned.seconds,
        "bytes": planned.bytes,
        "longest_side": planned.longest_side,
        "device": planned.device,
    }


def _write_noise(path: Path, shape: tuple[int, int], most: int) -> None:
    """A picture of noise, no larger than it will be used."""
    from PIL import Image

    scale = min(1.0, most / max(shape))
    size = max(1, round(shape[0] * scale)), max(1, round(shape[1] * scale))
    Image.effect_noise((64, 64), _GRAIN).resize(size).convert("RGB").save(path, "BMP")
