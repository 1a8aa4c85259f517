"""Requests run with ComfyUI's progress bar, previews and interruption."""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterator

import comfy.model_management
import comfy.utils
import torch
from torch import Tensor

import impasto
from impasto.jobs.events import Event, Note, Preview, Progress

from .values import as_image, pictures

_LOGGER = logging.getLogger("impasto.comfyui")
_PARTS = 1000
_PREVIEW_SECONDS = 0.5
_PREVIEW_SIDE = 512

_resources = impasto.Resources()
"""Encoders and networks that are open already: a prompt after the first does not wait for them."""


Request = impasto.PaintRequest | impasto.StylizeRequest


def run_batch(images: Tensor, request_of: Callable[[int, impasto.Picture], Request]) -> Tensor:
    """Make a picture of each picture of a batch.

    Args:
        images: IMAGE (B, H, W, C).
        request_of: Index and picture → request.

    Returns:
        IMAGE (B, H', W', C).

    Raises:
        comfy.model_management.InterruptProcessingException: If the user cancels.
        impasto.ImpastoError: For what cannot be used, in one sentence.
    """
    # ComfyUI runs nodes in inference mode. An optimization needs gradients.
    with torch.inference_mode(False), torch.enable_grad():
        bar = _Bar(len(images))
        made = list(_made(images, request_of, bar))
    return torch.cat(made)


def _made(
    images: Tensor, request_of: Callable[[int, impasto.Picture], Request], bar: _Bar
) -> Iterator[Tensor]:
    options = impasto.RunOptions(
        device=comfy.model_management.get_torch_device(), preview_seconds=_PREVIEW_SECONDS
    )
    for index, picture in enumerate(pictures(images)):
        bar.begin(index)
        request = request_of(index, picture)
        running = impasto.run(request, options, resources=_resources, listener=bar.listen)
        yield as_image(running.finish())


class _Bar:
    """ComfyUI's progress bar over a batch.

    Args:
        count: Pictures of the batch.
    """

    def __init__(self, count: int) -> None:
        self._bar = comfy.utils.ProgressBar(_PARTS)
        self._count, self._index, self._done = count, 0, 0

    def begin(self, index: int) -> None:
        """Say which picture the events are of, and leave if the user has cancelled."""
        comfy.model_management.throw_exception_if_processing_interrupted()
        self._index = index

    def listen(self, event: Event) -> None:
        """Show an event; raises if the user has cancelled, which ends the run."""
        comfy.model_management.throw_exception_if_processing_interrupted()
        if isinstance(event, Progress):
            self._done = round(_PARTS * (self._index + event.share) / self._count)
            self._bar.update_absolute(self._done, _PARTS)
        elif isinstance(event, Preview):
            shown = ("JPEG", event.to_pil(), _PREVIEW_SIDE)
            self._bar.update_absolute(self._done, _PARTS, shown)
        elif isinstance(event, Note):
            _LOGGER.info("%s", event.text)
