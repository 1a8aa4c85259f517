"""What several runs can share: opened encoders and models, pictures that are read ahead."""

from __future__ import annotations

import dataclasses
import math
import threading
from concurrent.futures import Future, ThreadPoolExecutor
from functools import partial
from pathlib import Path

import torch

from impasto import images
from impasto.encoders.caching import CachingEncoder
from impasto.encoders.protocol import FeatureExtractor
from impasto.encoders.vgg import Encoder
from impasto.images.picture import Picture
from impasto.jobs.requests import Source, StylizeRequest
from impasto.networks.catalogue import open_network
from impasto.networks.model import OnePassModel
from impasto.onepass.stylizer import LARGE, StyleSource, Stylizer, choose_model, uint8_if_large
from impasto.recipes.recipe import Recipe
from impasto.runtime.background import start_in
from impasto.runtime.devices import CPU
from impasto.runtime.last_used import LastUsed
from impasto.runtime.memory import BASE_BYTES
from impasto.runtime.precision import compute_dtype
from impasto.weights.open import open_feature_extractor

_READING_BYTES = 48.0
"""Bytes per pixel that reading a picture as floats takes, its copies counted."""

_MOST_STYLIZERS = 32
"""Styles of one pass that are held, those last used; each takes some megabytes."""

MOST_MODELS = 8
"""One-pass models that are held, those last used; each takes some tens of megabytes."""


class Resources:
    """Encoders, one-pass styles and pictures, each opened once.

    Args:
        remember_features: Keep the features of pictures that are not optimized, for runs over the
            same pictures (see :class:`impasto.encoders.caching.CachingEncoder`).
        model: One-pass model to use for requests, instead of the one that they name.
        readers: Threads that read pictures ahead.
    """

    def __init__(
        self,
        *,
        remember_features: bool = False,
        model: OnePassModel | None = None,
        readers: int = 1,
    ) -> None:
        self._remember = remember_features
        self._model = model
        self._models: LastUsed[str, OnePassModel] = LastUsed(MOST_MODELS)
        self._encoders: dict[tuple[str, str, str, torch.device], FeatureExtractor] = {}
        self._contents: dict[tuple[str, int, int], Picture] = {}
        self._opening = threading.Lock()
        self._stylizers: LastUsed[tuple[object, ...], Stylizer] = LastUsed(_MOST_STYLIZERS)
        self._memory: float | None = None
        self._readers = ThreadPoolExecutor(readers)  # starts no thread before there is work
        self._reading: dict[tuple[str, int, int, bool, int], Future[Picture]] = {}
        self._used: set[Path | str] = set()

    def encoder(self, recipe: Recipe, device: torch.device = CPU) -> FeatureExtractor:
        """The encoder of a recipe on a device, in the recipe's precision."""
        dtype = compute_dtype(recipe.precision, device)
        if not isinstance(recipe.encoder, str):  # open already
            return open_feature_extractor(
                recipe.encoder, recipe.pooling, dtype=dtype, device=device
            )
        key = recipe.encoder, recipe.pooling, recipe.precision, device
        if key not in self._encoders:
            encoder = open_feature_extractor(
                recipe.encoder, recipe.pooling, dtype=dtype, device=device
            )
            if self._remember and isinstance(encoder, Encoder):
                encoder = CachingEncoder(encoder)
            self._encoders[key] = encoder
        return self._encoders[key]

    def content(self, source: Source, long_side: int, max_pixels: int) -> Picture:
        """A content picture with that long side in pixels."""
        if not self._remember or not isinstance(source, str):
            return images.read(source, long_side=long_side, max_pixels=max_pixels)
        key = source, long_side, max_pixels
        if key not in self._contents:
            self._contents[key] = images.read(source, long_side=long_side, max_pixels=max_pixels)
        return self._contents[key]

    def stylizer(
        self,
        request: StylizeRequest,
        *,
        memory: float | None,
        max_pixels: int,
        device: torch.device = CPU,
    ) -> Stylizer:
        """The styles of a one-pass request, read on a device."""
        self._memory = memory
        if not request.styles or not all(isinstance(s.source, str) for s in request.styles):
            return self._new_stylizer(request, memory, max_pixels, device)
        # Pictures that differ in what they paint, and where, have the styles in common.
        style = dataclasses.replace(
            request, content="", size=0, feather=0.0, mask=None, style_mask=None, regions=()
        )
        key = style, memory, max_pixels, device
        with self._opening:  # threads that paint in the same style open it once
            return self._stylizers.get_or_add(
                key, lambda: self._new_stylizer(request, memory, max_pixels, device)
            )

    def _new_stylizer(
        self, request: StylizeRequest, memory: float | None, max_pixels: int, device: torch.device
    ) -> Stylizer:
        styles = [StyleSource(style.source, style.weight or 1.0) for style in request.styles]
        of_regions = [StyleSource(r.style) for r in request.regions if r.style is not None]
        model = self._model or request.model or choose_model(styles or of_regions)
        if isinstance(model, str):  # styles of the same model share it
            model = self._models.get_or_add(model, partial(open_network, model))
        return Stylizer(
            styles,
            model=model,
            strength=request.strength,
            style_scale=request.style_scale,
            colour=request.colour,
            colour_space=request.colour_space,
            colour_match=request.colour_match,
            precision=request.precision,
            memory=memory,
            max_pixels=max_pixels,
            device=device,
        )

    def is_first_use(self, what: Path | str) -> bool:
        """Whether this is asked for a file, or for something to be told, for the first time."""
        is_first = what not in self._used
        self._used.add(what)
        return is_first

    def read_ahead(self, request: StylizeRequest, *, max_pixels: int, depth: int = 8) -> None:
        """Begin to read a request's content in a thread, for :meth:`picture`."""
        if not isinstance(request.content, str):
            return
        key = _reading_key(request, max_pixels, depth)
        self._reading[key] = start_in(
            self._readers, partial(self._read, request, max_pixels, depth)
        )

    def picture(self, request: StylizeRequest, *, max_pixels: int, depth: int = 8) -> Picture:
        """The content of a one-pass request; very large ones without regions are held in bytes."""
        if isinstance(request.content, str):
            reading = self._reading.pop(_reading_key(request, max_pixels, depth), None)
            if reading is not None:
                return reading.result()
        return self._read(request, max_pixels, depth)

    def _read(self, request: StylizeRequest, max_pixels: int, depth: int) -> Picture:
        bytes_from = LARGE
        if self._memory is not None:
            bytes_from = min(LARGE, (self._memory - BASE_BYTES) / _READING_BYTES)
        picture = images.read(
            request.content,
            long_side=request.size or None,
            max_pixels=max_pixels,
            bytes_from=bytes_from if depth == 8 else math.inf,
        )
        return uint8_if_large(picture, depth)

    def __enter__(self) -> Resources:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        """Wait for what is still being read."""
        self._readers.shutdown(cancel_futures=True)


def _reading_key(
    request: StylizeRequest, max_pixels: int, depth: int
) -> tuple[str, int, int, bool, int]:
    has_regions = bool(request.mask or request.regions)
    return str(request.content), request.size, max_pixels, has_regions, depth
