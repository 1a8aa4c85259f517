"""Painting by optimisation: two pictures and a recipe in, steps out.

``Painter`` is the whole walk of one picture, coarse to fine. It is an iterator of steps that can be
left and entered again at any step, in the same process or, through its state, in another.
"""

from __future__ import annotations

import dataclasses
import hashlib
import math
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import torch
from PIL import Image
from torch import Tensor

from impasto import images
from impasto.descent import Step, descend
from impasto.encoders import Encoder, minimum_side
from impasto.errors import InputDataError, OptionError
from impasto.images import Picture, resize
from impasto.models import open_encoder
from impasto.objective import ContentTerm, EncoderLike, Objective, StyleTerm, Term, TotalVariation
from impasto.optimisers import Adam, Optimiser, make_optimiser
from impasto.precision import compute_dtype
from impasto.pyramid import Stage, plan_stages
from impasto.recipes import INITS, Recipe


class Painter:
    """A painting in progress.

    Args:
        content: The picture to be painted, at its full size.
        styles: One or more pictures to paint in the manner of.
        recipe: How.
        shares: Weights of the styles in the mixture; equal by default.
        encoder: Used instead of the recipe's; anything that maps (picture, layers) to features.

    Raises:
        ImpastoError: For a recipe that does not fit the encoder, or unusable pictures.
    """

    def __init__(
        self,
        content: Picture,
        styles: Sequence[Picture],
        recipe: Recipe,
        *,
        shares: Sequence[float] | None = None,
        encoder: EncoderLike | None = None,
    ) -> None:
        if not styles:
            raise OptionError("A painting needs at least one style picture.")
        self.recipe = recipe
        self._content, self._styles, self._shares = content, list(styles), shares
        if encoder is None:
            own = open_encoder(recipe.encoder, recipe.pooling)
            encoder = own.to(compute_dtype(recipe.precision))
        self.encoder = encoder
        self._least_side = 2
        if isinstance(encoder, Encoder):
            layers = encoder.check_layers([*self._style_layers, *self._layers])
            self._least_side = minimum_side(layers, encoder)
        self.stages: tuple[Stage, ...] = plan_stages(
            recipe, content.size, least_side=self._least_side
        )
        self._init = _read_init(recipe)
        self._stage = 0
        self._done = 0
        self._optimiser: Optimiser | None = None

    @property
    def _style_layers(self) -> dict[str, float]:
        return dict(self.recipe.style_layers) if self.recipe.style_weight else {}

    @property
    def _layers(self) -> dict[str, float]:
        return dict(self.recipe.content_layers) if self.recipe.content_weight else {}

    def __iter__(self) -> Iterator[Step]:
        """The steps still to be made; leaving the loop leaves the painter as it was then."""
        spent = 0.0
        while self._stage < len(self.stages):
            stage = self.stages[self._stage]
            if self._optimiser is None:
                self._optimiser = self._start(self._first_image(stage.size), stage)
            seconds = 0.0
            for step in descend(self._optimiser, steps=stage.steps, done=self._done):
                self._done = step.step
                yield dataclasses.replace(
                    step,
                    stage=self._stage,
                    stages=len(self.stages),
                    seconds=spent + step.seconds,
                )
                seconds = step.seconds
            spent += seconds
            self._done = stage.steps  # also where the optimiser found that it could do no more
            if self._stage + 1 == len(self.stages):
                return
            self._enter(self._stage + 1)

    @property
    def image(self) -> Tensor:
        """The picture so far, (1, 3, H, W) in [0, 1], at the size of the present stage."""
        if self._optimiser is None:
            return self._first_image(self.stages[0].size)
        return self._optimiser.image

    @property
    def position(self) -> tuple[int, int]:
        """The present stage, from 0, and the steps made in it."""
        return self._stage, self._done

    @property
    def done(self) -> bool:
        """Whether every step has been made."""
        last = len(self.stages) - 1
        return self._stage == last and self._done == self.stages[last].steps

    def objective(self, size: tuple[int, int]) -> Objective:
        """The objective at a size (height, width) of the pyramid."""
        recipe = self.recipe
        terms: list[Term] = []
        if self._layers:
            content = self._features(resize(self._content.tensor, size), self._layers)
            terms.append(
                ContentTerm(
                    content,
                    weight=recipe.content_weight,
                    layer_weights=self._layers,
                    normalisation=recipe.content_normalisation,
                )
            )
        if self._style_layers:
            styles = [self._style_features(style, max(size)) for style in self._styles]
            terms.append(
                StyleTerm(
                    styles,
                    statistic=recipe.style_loss,
                    weight=recipe.style_weight,
                    layer_weights=self._style_layers,
                    normalisation=recipe.normalisation,
                    shares=self._shares,
                )
            )
        if recipe.tv_weight:
            terms.append(TotalVariation(recipe.tv_weight, kind=recipe.tv))
        return Objective(terms, self.encoder)

    def fingerprint(self) -> str:
        """A digest of pictures, recipe and encoder: a checkpoint fits no other painting."""
        digest = hashlib.sha256(self.recipe.to_toml().encode())
        if isinstance(self.encoder, Encoder):
            for weight in self.encoder.state_dict().values():
                digest.update(weight.float().numpy().tobytes())
        pictures = [picture.tensor for picture in (self._content, *self._styles)]
        for tensor in [*pictures, *([] if self._init is None else [self._init])]:
            digest.update(str(tuple(tensor.shape)).encode())
            digest.update(tensor.contiguous().numpy().tobytes())
        digest.update(repr(self._shares).encode())
        return digest.hexdigest()

    def state_dict(self) -> dict[str, Any]:
        """All that the next step depends on, besides the pictures and the recipe."""
        return {
            "fingerprint": self.fingerprint(),
            "stage": self._stage,
            "done": self._done,
            "optimiser": self._optimiser.state_dict() if self._optimiser else None,
        }

    def load_state_dict(self, state: dict[str, Any]) -> None:
        """Be as when ``state`` was taken.

        Raises:
            InputDataError: If it was taken of another painting.
        """
        if state["fingerprint"] != self.fingerprint():
            raise InputDataError(
                "The checkpoint belongs to another painting (other pictures or another recipe): "
                "give the same ones, or start anew without --resume."
            )
        self._stage, self._done = int(state["stage"]), int(state["done"])
        self._optimiser = None
        if state["optimiser"] is not None:
            stage = self.stages[self._stage]
            self._optimiser = self._start(torch.zeros(1, 3, *stage.size), stage)
            self._optimiser.load_state_dict(state["optimiser"])

    def _enter(self, index: int) -> None:
        """Go on to the next size, with the picture and what the optimiser can use of its past."""
        before, stage = self._optimiser, self.stages[index]
        assert before is not None
        start = resize(before.image, stage.size).clamp_(0, 1)
        self._optimiser = self._start(start, stage)
        if isinstance(before, Adam) and isinstance(self._optimiser, Adam):
            before.carry_to(self._optimiser)
        self._stage, self._done = index, 0

    def _start(self, image: Tensor, stage: Stage) -> Optimiser:
        return make_optimiser(
            self.recipe.optimizer,
            self.objective(stage.size).gradient,
            image,
            learning_rate=self.recipe.learning_rate,
            average=self.recipe.average,
            preconditioning=self.recipe.preconditioning,
        )

    def _first_image(self, size: tuple[int, int]) -> Tensor:
        """Where the painting starts, at the smallest size."""
        recipe = self.recipe
        content = resize(self._content.tensor, size)
        if recipe.init == "content":
            return content
        if self._init is not None:
            return resize(self._init, size)
        random = torch.Generator().manual_seed(recipe.seed)
        noise = torch.rand(content.shape, generator=random)
        return noise if recipe.init == "noise" else torch.lerp(content, noise, recipe.noise)

    def _style_features(self, style: Picture, long_side: int) -> dict[str, Tensor]:
        """Features of a style picture whose strokes have the size that the recipe asks for."""
        # A small or narrow style picture is not reduced below what the deepest layer can see.
        least = math.ceil(self._least_side * max(style.size) / min(style.size))
        target = max(least, round(long_side * self.recipe.style_scale))
        picture = resize(style.tensor, images.fit_size(style.size, target))
        return self._features(picture, self._style_layers)

    @torch.no_grad()
    def _features(self, image: Tensor, layers: dict[str, float]) -> dict[str, Tensor]:
        return dict(self.encoder(image, tuple(layers)))


def _read_init(recipe: Recipe) -> Tensor | None:
    """The picture to start from, if the recipe names one."""
    if recipe.init in INITS:
        return None
    return images.read(recipe.init, long_side=recipe.size, max_enlarge=float("inf")).tensor


def read_styles(
    sources: Sequence[str | Path | Image.Image],
    recipe: Recipe,
    long_side: int,
    *,
    max_pixels: int = images.MAX_PIXELS,
) -> list[Picture]:
    """The style pictures, reduced to what a painting of ``long_side`` pixels can use of them."""
    wanted = max(1, round(long_side * recipe.style_scale))
    return [
        images.read(source, long_side=wanted, max_enlarge=float("inf"), max_pixels=max_pixels)
        for source in sources
    ]
