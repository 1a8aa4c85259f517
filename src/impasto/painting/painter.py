"""Painting by optimization: two pictures and a recipe in, steps out.

``Painter`` is the whole walk of one picture, coarse to fine. It is an iterator of steps that can be
left and entered again at any step, in the same process or, through its state, in another.
"""

from __future__ import annotations

import dataclasses
import hashlib
from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from typing import Any

import torch
from torch import Tensor

from impasto.colour.modes import get_colour_mode
from impasto.encoders.vgg import Encoder, minimum_side
from impasto.errors import InputDataError, OptionError, option
from impasto.images.picture import Picture, resize
from impasto.objective.objective import Objective
from impasto.objective.terms import EncoderLike
from impasto.objective.tiled import TiledObjective
from impasto.optim.adam import Adam
from impasto.optim.divergence import DivergenceGuard
from impasto.optim.interface import Gradient, Losses, Optimizer
from impasto.optim.loop import Step, descend
from impasto.optim.optimizers import make_optimizer
from impasto.optim.preconditioner import Preconditioner
from impasto.painting.objective_builder import ObjectiveBuilder, Style, as_styles
from impasto.painting.pyramid import Stage, plan_stages
from impasto.recipes.recipe import INITS, Recipe
from impasto.regions.masks import resize_masks, visible
from impasto.regions.regions import Region, complete
from impasto.runtime.memory import is_out_of_memory
from impasto.runtime.precision import compute_dtype
from impasto.weights.open import open_encoder

InitialImage = Tensor | Callable[[Tensor, Sequence[Style], Sequence[Region]], Tensor]
"""A picture to start from, (1, 3, H, W) in [0, 1], or a function that makes one of the content at
the smallest size, the styles in their final colours, and the regions."""


class Painter:
    """A painting in progress.

    Args:
        content: The picture to be painted, at its full size.
        styles: One or more pictures to paint in the manner of, or :class:`impasto.painting.objective_builder.Style` s.
        recipe: How.
        shares: Weights of the styles in the mixture, if they are pictures; equal by default.
        regions: Which part of the content is painted after what (:mod:`impasto.regions.regions`); regions that
            leave some of it uncovered are completed.
        encoder: Used instead of the recipe's; anything that maps (picture, layers) to features.
        memory: Bytes that the process may take: larger pictures are painted in tiles, to the same
            picture but rounding. Two thirds of what is free by default.
        initial_image: What to start from where the recipe's ``init`` names a picture or a one-pass
            model: that picture, or a function that makes one (see :data:`InitialImage`).

    Raises:
        ImpastoError: For a recipe that does not fit the encoder, or unusable pictures.
    """

    def __init__(
        self,
        content: Picture,
        styles: Sequence[Picture | Style],
        recipe: Recipe,
        *,
        shares: Sequence[float] | None = None,
        regions: Sequence[Region] = (),
        encoder: EncoderLike | None = None,
        memory: float | None = None,
        initial_image: InitialImage | None = None,
    ) -> None:
        if not styles:
            raise OptionError("A painting needs at least one style picture.")
        self.recipe = recipe
        self._original = content
        self._areas = complete(regions, content.size)
        mode, space = get_colour_mode(recipe.colour), recipe.colour_space
        self._content = Picture(mode.content(content.tensor, space), content.alpha)

        def recoloured(style: Picture, where: Tensor | None = None) -> Picture:
            matching = recipe.colour_match
            seen, _ = visible(style.tensor, style.alpha)
            return Picture(mode.style(seen, content.tensor, where, space, matching), style.alpha)

        self._styles = [
            replace(style, picture=recoloured(style.picture)) for style in as_styles(styles, shares)
        ]
        # A style of one area takes on the colours that the photograph has there.
        self._areas = [
            area if area.style is None else replace(area, style=recoloured(area.style, area.where))
            for area in self._areas
        ]
        if encoder is None:
            own = open_encoder(recipe.encoder, recipe.pooling)
            encoder = own.to(compute_dtype(recipe.precision))
        self.encoder = encoder
        self._least_side = 2
        if isinstance(encoder, Encoder):
            self._least_side = minimum_side(encoder.check_layers(recipe.layers), encoder)
        self.goal = ObjectiveBuilder(
            self._content,
            self._styles,
            recipe,
            encoder,
            regions=self._areas,
            least_side=self._least_side,
            budget=memory,
        )
        self._notes: list[str] = []
        self._preconditioner: type[Preconditioner] = Preconditioner
        self._keep = _kept(self._areas)
        self.stages: tuple[Stage, ...] = plan_stages(
            recipe, content.size, least_side=self._least_side
        )
        if initial_image is None and recipe.init not in INITS:
            raise OptionError(
                f"The recipe starts from '{recipe.init}': give Painter(initial_image=...), which "
                "impasto.jobs.initial_image.open_initial_image reads or paints."
            )
        self._initial_image = initial_image if recipe.init not in INITS else None
        self._stage = 0
        self._done = 0
        self._optimizer: Optimizer | None = None
        self._guard = DivergenceGuard()

    def __iter__(self) -> Iterator[Step]:
        """The steps still to be made; leaving the loop leaves the painter as it was then."""
        spent = 0.0
        while self._stage < len(self.stages):
            stage = self.stages[self._stage]
            if self._optimizer is None:
                self._optimizer = self._start(self._first_image(stage.size), stage)
            seconds = 0.0
            for step in descend(
                self._optimizer, steps=stage.steps, done=self._done, guard=self._guard
            ):
                self._done = step.step
                notes, self._notes = [note for note in (step.note, *self._notes) if note], []
                yield dataclasses.replace(
                    step,
                    note=" ".join(notes),
                    stage=self._stage,
                    stages=len(self.stages),
                    seconds=spent + step.seconds,
                )
                seconds = step.seconds
            spent += seconds
            self._done = stage.steps  # also where the optimizer found that it could do no more
            if self._stage + 1 == len(self.stages):
                return
            self._enter(self._stage + 1)

    @property
    def content(self) -> Picture:
        """The photograph as it was given."""
        return self._original

    @property
    def styles(self) -> list[Style]:
        """The styles as they are painted after: in the colours that the recipe gives them."""
        return list(self._styles)

    @property
    def picture(self) -> Tensor:
        """The picture so far as it would be saved: ``finished(image)``."""
        return self.finished(self.image)

    def finished(self, image: Tensor) -> Tensor:
        """A picture of the painting with the photograph's colours and regions that are to be kept.

        Args:
            image: A step's, (1, 3, H, W) in [0, 1].
        """
        if self.recipe.colour == "style" and self._keep is None:
            return image
        content = resize(self._original.tensor, (image.shape[-2], image.shape[-1])).clamp(0, 1)
        mode = get_colour_mode(self.recipe.colour)
        return self._with_kept(mode.result(image, content, self.recipe.colour_space), content)

    def _with_kept(self, image: Tensor, content: Tensor) -> Tensor:
        if self._keep is None:
            return image
        return torch.lerp(
            image, content, resize_masks(self._keep, (image.shape[-2], image.shape[-1]))
        )

    @property
    def image(self) -> Tensor:
        """What the optimizer works on, (1, 3, H, W) in [0, 1], at the size of the present stage."""
        if self._optimizer is None:
            return self._first_image(self.stages[0].size)
        return self._optimizer.image

    @property
    def position(self) -> tuple[int, int]:
        """The present stage, from 0, and the steps made in it."""
        return self._stage, self._done

    @property
    def done(self) -> bool:
        """Whether every step has been made."""
        last = len(self.stages) - 1
        return self._stage == last and self._done == self.stages[last].steps

    def objective(self, size: tuple[int, int]) -> Objective | TiledObjective:
        """The objective at a size (height, width) of the pyramid."""
        return self.goal.objective(size)

    def fingerprint(self) -> str:
        """A digest of pictures, recipe and encoder: a checkpoint fits no other painting."""
        digest = hashlib.sha256(self.recipe.to_toml().encode())
        if isinstance(self.encoder, Encoder):
            for weight in self.encoder.state_dict().values():
                digest.update(weight.float().numpy().tobytes())
        tensors = [self._original.tensor, *(style.picture.tensor for style in self._styles)]
        for area in self._areas:
            tensors += [area.where, *([area.style.tensor] if area.style else [])]
            tensors += [] if area.style_where is None else [area.style_where]
            digest.update(f"{area.name} {area.keep}".encode())
        if isinstance(self._initial_image, Tensor):
            tensors.append(self._initial_image)
        for tensor in tensors:
            digest.update(str(tuple(tensor.shape)).encode())
            digest.update(tensor.contiguous().numpy().tobytes())
        digest.update(repr([(style.share, style.level) for style in self._styles]).encode())
        return digest.hexdigest()

    def state_dict(self) -> dict[str, Any]:
        """All that the next step depends on, besides the pictures and the recipe."""
        return {
            "fingerprint": self.fingerprint(),
            "stage": self._stage,
            "done": self._done,
            "optimizer": self._optimizer.state_dict() if self._optimizer else None,
            "guard": self._guard.state_dict(),
        }

    def load_state_dict(self, state: dict[str, Any]) -> None:
        """Be as when ``state`` was taken.

        Raises:
            InputDataError: If it was taken of another painting.
        """
        if state["fingerprint"] != self.fingerprint():
            raise InputDataError(
                "The checkpoint belongs to another painting (other pictures or another recipe): "
                f"give the same ones, or start anew without {option('resume')}."
            )
        self._stage, self._done = int(state["stage"]), int(state["done"])
        self._guard.load_state_dict(state["guard"])
        self._optimizer = None
        if state["optimizer"] is not None:
            stage = self.stages[self._stage]
            self._optimizer = self._start(torch.zeros(1, 3, *stage.size), stage)
            self._optimizer.load_state_dict(state["optimizer"])

    def _enter(self, index: int) -> None:
        """Go on to the next size, with the picture and what the optimizer can use of its past."""
        before, stage = self._optimizer, self.stages[index]
        assert before is not None
        start = self._enlarged(before.image, stage.size)
        self._optimizer = self._start(start, stage)
        self._guard.start_stage(self._optimizer)
        if isinstance(before, Adam) and isinstance(self._optimizer, Adam):
            before.transfer_moments(self._optimizer)
        self._stage, self._done = index, 0

    def _enlarged(self, image: Tensor, size: tuple[int, int]) -> Tensor:
        """Where the next size starts: the picture of the one before, and what it could not show."""
        start = resize(image, size)
        # Below full strength more of it: else the smallest size would take all details away.
        share = 1 - self.recipe.strength * (1 - self.recipe.detail)
        if share:
            # What the photograph has between the two sizes.
            content, small = self._content.tensor, (image.shape[-2], image.shape[-1])
            detail = resize(content, size) - resize(resize(content, small), size)
            start = start + share * detail
        start = start.clamp(0, 1)
        # Whatever was painted over what is kept has no say in the next size.
        if self._keep is not None:
            start = self._with_kept(start, resize(self._content.tensor, size))
        return start

    def _start(self, image: Tensor, stage: Stage) -> Optimizer:
        return make_optimizer(
            self.recipe.optimizer,
            self._gradient(stage.size),
            image,
            learning_rate=self.recipe.learning_rate,
            average=self.recipe.average,
            preconditioning=self.recipe.preconditioning,
            preconditioner=self._preconditioner,
        )

    def _gradient(self, size: tuple[int, int]) -> Gradient:
        """The objective's gradient; in smaller tiles from where the memory was not enough."""
        objective = None

        def gradient(image: Tensor) -> tuple[Losses, Tensor]:
            nonlocal objective
            while True:
                try:
                    objective = objective or self.objective(size)
                    return objective.gradient(image)
                except RuntimeError as error:
                    if not is_out_of_memory(error):
                        raise
                    # Forgotten outside the handler's reach: the error holds on to the tensors.
                    objective, broken = None, str(error).strip().partition("\n")[0]
                side = self.goal.shrink(size)
                if side is None:
                    raise InputDataError(
                        f"There is not enough memory for {size[1]}×{size[0]} px ({broken}): "
                        f"give a smaller {option('size')}."
                    )
                self._notes.append(f"Not enough memory: going on in tiles of {side} px.")

        return gradient

    def _first_image(self, size: tuple[int, int]) -> Tensor:
        """Where the painting starts, at the smallest size."""
        recipe = self.recipe
        content = resize(self._content.tensor, size)
        if recipe.init == "content":
            return content
        # In greys if the painting is.
        mode = get_colour_mode(recipe.colour)
        if isinstance(self._initial_image, Tensor):
            start = resize(self._initial_image, size).clamp(0, 1)
            return mode.content(start, recipe.colour_space)
        if self._initial_image is not None:
            start = self._initial_image(content, self._styles, self._areas)
            return mode.content(start, recipe.colour_space)
        random = torch.Generator().manual_seed(recipe.seed)
        noise = torch.rand(content.shape, generator=random)
        noise = mode.content(noise, recipe.colour_space)
        return noise if recipe.init == "noise" else torch.lerp(content, noise, recipe.noise)


def _kept(regions: Sequence[Region]) -> Tensor | None:
    """Where the photograph stays as it is, (1, 1, H, W)."""
    planes = [area.where for area in regions if area.keep]
    return torch.cat(planes, dim=1).sum(1, keepdim=True).clamp(0, 1) if planes else None
