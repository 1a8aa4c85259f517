"""Painting by optimization: pictures and a recipe in, optimization steps out.

``Painter`` paints one picture, coarse to fine. It is an iterator of steps that can be left and
resumed at any step: in the same process, or in another through its ``state_dict``.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import torch
from torch import Tensor
from torch.utils._pytree import tree_map_only

from impasto.colour.modes import get_colour_mode
from impasto.encoders.protocol import EncoderLike, as_feature_extractor
from impasto.errors import InputDataError, OptionError, option, render
from impasto.images.picture import Picture, PictureLike, resize
from impasto.objective.objective import Objective
from impasto.objective.tiled import TiledObjective
from impasto.optim.adam import Adam
from impasto.optim.constraints import BOX, Constraint
from impasto.optim.divergence import DivergenceGuard
from impasto.optim.interface import Gradient, Losses, Optimizer
from impasto.optim.loop import Step, descend
from impasto.optim.optimizers import make_optimizer
from impasto.optim.preconditioner import Preconditioner
from impasto.painting.colour_limits import colour_limits
from impasto.painting.enlarging import along_edges, with_detail
from impasto.painting.fingerprint import digest_of_inputs, fingerprint
from impasto.painting.inputs import content_at_size, styles_of
from impasto.painting.objective_builder import ObjectiveBuilder, Style
from impasto.painting.pyramid import Stage, plan_stages
from impasto.painting.recolouring import recoloured
from impasto.recipes.presets import get_recipe
from impasto.recipes.recipe import INITS, Recipe
from impasto.regions.masks import resize_masks
from impasto.regions.region_colours import have_colours, in_colours
from impasto.regions.regions import Region, complete, kept_mask
from impasto.runtime.devices import DeviceLike, find_device
from impasto.runtime.interrupts import interruptible
from impasto.runtime.memory import is_out_of_memory
from impasto.runtime.precision import compute_dtype
from impasto.runtime.threads import survive_forks
from impasto.runtime.torch_files import count_bytes
from impasto.weights.open import on_device, open_feature_extractor, substitute_notice

InitialImage = Tensor | Callable[[Tensor, Sequence[Style], Sequence[Region]], Tensor]
"""The picture to start from, (1, 3, H, W) in [0, 1]; or a function that makes it from the content
at the smallest size, the styles with their matched colours, and the regions."""


class Painter:
    """Paints one picture: an iterator of :class:`impasto.Step`.

    Args:
        content: The photograph: a path, a picture that was read, a Pillow image, an array or a
            tensor (see :func:`impasto.read_image`). It is resized to the recipe's ``size``.
        styles: One or more style pictures of these kinds, or
            :class:`impasto.painting.objective_builder.Style` s; none if regions have their own.
        recipe: All settings, or the name or file of a recipe.
        shares: Weights of the styles in the mixture, if they are pictures; equal by default.
        regions: Parts of the content with styles of their own (:mod:`impasto.regions.regions`);
            what they leave uncovered becomes one more region, kept if there are no styles.
        encoder: Used instead of the recipe's: any function of (image, layer names) that returns
            features. A recipe can hold one, too.
        memory: Bytes that the process may use; two thirds of the free memory by default. Larger
            pictures are painted in tiles, with the same result up to rounding.
        initial_image: Where to start, instead of from what the recipe's ``init`` says; needed if
            that names a picture or a one-pass model (see :data:`InitialImage`).
        device: Where to paint, such as ``"cuda"``; by default where the content is. An encoder
            that is a function must compute there.

    Attributes:
        recipe: What it paints by.
        device: Of all tensors.
        encoder: As a :class:`impasto.encoders.protocol.FeatureExtractor`.
        objective_builder: Builds the objective at each size.
        stages: The sizes, and the steps at each.

    Raises:
        ImpastoError: For a recipe that does not fit the encoder, or unusable pictures.
    """

    def __init__(
        self,
        content: PictureLike,
        styles: PictureLike | Style | Sequence[PictureLike | Style],
        recipe: Recipe | str | Path = "default",
        *,
        shares: Sequence[float] | None = None,
        regions: Sequence[Region] = (),
        encoder: EncoderLike | None = None,
        memory: float | None = None,
        initial_image: InitialImage | None = None,
        device: DeviceLike | None = None,
    ) -> None:
        survive_forks()
        self.recipe = recipe = recipe if isinstance(recipe, Recipe) else get_recipe(recipe)
        content, regions = content_at_size(content, regions, recipe.size)
        styles = styles_of(styles, shares, regions)
        # Of what is given: computed colours differ in the last bit from device to device.
        self._inputs = digest_of_inputs(content, styles, regions, initial_image)
        self.device = content.tensor.device if device is None else find_device(device)
        content = content.to(self.device)
        self._original = content
        mode, space = get_colour_mode(recipe.colour), recipe.colour_space
        self._content = Picture(mode.content(content.tensor, space), content.alpha)

        def match_colours(style: Picture, mask: Tensor | None = None) -> Picture:
            return recoloured(style.to(self.device), content.tensor, recipe, mask)

        self._styles = [replace(style, picture=match_colours(style.picture)) for style in styles]
        moved = [region.to(self.device) for region in regions]
        self._regions = [  # a style of its own gets the colours of the photograph in the region
            replace(r, style=match_colours(r.style, r.mask)) if r.style is not None else r
            for r in complete(moved, content.size, has_styles=bool(styles))
        ]
        self._limits = colour_limits(self._content, self._styles, self._regions, recipe)
        if self._limits is not None:
            self._content = replace(self._content, tensor=self._limits.fit(self._content.tensor))
        if encoder is None:
            dtype = compute_dtype(recipe.precision, self.device)
            self.encoder = open_feature_extractor(
                recipe.encoder, recipe.pooling, dtype=dtype, device=self.device
            )
        else:
            self.encoder = on_device(as_feature_extractor(encoder), self.device)
        minimum_side = self.encoder.minimum_side(recipe.layers)
        self.objective_builder = ObjectiveBuilder(
            self._content,
            self._styles,
            recipe,
            self.encoder,
            regions=self._regions,
            minimum_side=minimum_side,
            budget=memory,
        )
        self._notes: list[str] = []
        if encoder is None and isinstance(recipe.encoder, str):
            self._notes += filter(None, [render(substitute_notice(recipe.encoder))])
        self._preconditioner: type[Preconditioner] = Preconditioner
        self._kept_mask = kept_mask(self._regions)
        self.stages: tuple[Stage, ...] = plan_stages(
            recipe, content.size, minimum_side=minimum_side
        )
        if initial_image is None and recipe.init not in INITS:
            raise OptionError(
                f"The recipe starts from '{recipe.init}': give Painter(initial_image=...), which "
                "impasto.jobs.initial_image.open_initial_image reads or paints."
            )
        if isinstance(initial_image, Tensor):
            initial_image = initial_image.to(self.device)
        self._initial_image = initial_image
        self._fingerprint = ""
        self._stage = 0
        self._done = 0
        self._optimizer: Optimizer | None = None
        self._guard = DivergenceGuard()

    def __iter__(self) -> Iterator[Step]:
        """The remaining steps; leaving the loop keeps the state, so iterating again resumes."""
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
            self._done = stage.steps  # also if the optimizer stopped early
            if self._stage + 1 == len(self.stages):
                return
            self._enter(self._stage + 1)

    @property
    def content(self) -> Picture:
        """The photograph as given."""
        return self._original

    @property
    def styles(self) -> list[Style]:
        """The styles, with the colours that the recipe gives them."""
        return list(self._styles)

    @property
    def picture(self) -> Tensor:
        """The current picture as it would be saved: ``finished(image)``."""
        return self.finished(self.image)

    def finished(self, image: Tensor) -> Tensor:
        """A step's image with the recipe's colour mode, and with the regions kept as they are.

        Args:
            image: A step's, (1, 3, H, W) in [0, 1].
        """
        colour, size = self.recipe.colour, (image.shape[-2], image.shape[-1])
        is_plain = colour == "style" and not have_colours(self._regions, colour)
        if is_plain and self._kept_mask is None:
            return image
        content = resize(self._original.tensor, size).clamp(0, 1)
        space, at = self.recipe.colour_space, lambda mask: resize_masks(mask, size)
        coloured = in_colours(image, content, colour, space, self._regions, masks_at=at)
        return self._with_kept(coloured, content)

    def _with_kept(self, image: Tensor, content: Tensor) -> Tensor:
        if self._kept_mask is None:
            return image
        size = image.shape[-2], image.shape[-1]
        return torch.lerp(image, resize(content, size), resize_masks(self._kept_mask, size))

    @property
    def image(self) -> Tensor:
        """The optimized image, (1, 3, H, W) in [0, 1], at the size of the current stage."""
        if self._optimizer is None:
            return self._first_image(self.stages[0].size)
        return self._optimizer.image

    @property
    def position(self) -> tuple[int, int]:
        """Index of the current stage, and the steps done in it."""
        return self._stage, self._done

    @property
    def done(self) -> bool:
        """Whether all steps are done."""
        last = len(self.stages) - 1
        return self._stage == last and self._done == self.stages[last].steps

    @property
    def is_between_steps(self) -> bool:
        """Whether the state is that after a whole step.

        So it is if a step was abandoned, unless it had diverged and was being made again.
        """
        return not self._guard.is_retrying

    @property
    def state_bytes(self) -> int:
        """Bytes of the state, see :meth:`state_dict`."""
        optimizer = {} if self._optimizer is None else self._optimizer.state_dict()
        return count_bytes([optimizer, self._guard.state_dict()])

    def objective(self, size: tuple[int, int]) -> Objective | TiledObjective:
        """The objective at a size (height, width) of the pyramid."""
        return self.objective_builder.objective(size)

    def constraint(self, size: tuple[int, int]) -> Constraint:
        """The pictures that are allowed at a size: those with colours that the styles may give."""
        return BOX if self._limits is None else self._limits.at(size)

    def fingerprint(self) -> str:
        """A digest of pictures, recipe and encoder; a checkpoint resumes only the same painting.

        The same on every device, whatever type the encoder has there; computed once.
        """
        if not self._fingerprint:
            self._fingerprint = fingerprint(self.recipe, self._inputs, self.encoder)
        return self._fingerprint

    def state_dict(self) -> dict[str, Any]:
        """The state of the optimization: all but the pictures, the recipe and the encoder.

        Its tensors are on the CPU, so that any device can resume.
        """
        state = {
            "fingerprint": self.fingerprint(),
            "stage": self._stage,
            "done": self._done,
            "optimizer": self._optimizer.state_dict() if self._optimizer else None,
            "guard": self._guard.state_dict(),
            # Free memory may differ when the run is resumed.
            "tiling": self.objective_builder.tiling(),
        }
        moved: dict[str, Any] = tree_map_only(Tensor, Tensor.cpu, state)
        return moved

    def load_state_dict(self, state: dict[str, Any]) -> None:
        """Resume from a state.

        Raises:
            InputDataError: If it is the state of another painting.
        """
        if state["fingerprint"] != self.fingerprint():
            raise InputDataError(
                "The checkpoint belongs to another painting (other pictures or another recipe): "
                f"give the same ones, or start again without {option('resume')}."
            )
        self._stage, self._done = int(state["stage"]), int(state["done"])
        self._guard.load_state_dict(state["guard"])
        if "tiling" in state:
            self.objective_builder.limit_tiling(*state["tiling"])
        self._optimizer = None
        if state["optimizer"] is not None:
            stage = self.stages[self._stage]
            blank = torch.zeros(1, 3, *stage.size, device=self.device)
            self._optimizer = self._start(blank, stage)
            self._optimizer.load_state_dict(state["optimizer"])

    def _enter(self, index: int) -> None:
        """Start the next stage from the enlarged picture, with Adam's moments carried over."""
        previous, stage = self._optimizer, self.stages[index]
        assert previous is not None
        start = self._enlarged(previous.image, stage)
        self._optimizer = self._start(start, stage)
        self._guard.start_stage(self._optimizer)
        if isinstance(previous, Adam) and isinstance(self._optimizer, Adam):
            previous.transfer_moments(self._optimizer)
        self._stage, self._done = index, 0

    def _enlarged(self, image: Tensor, stage: Stage) -> Tensor:
        """The picture at the next size; some detail of the photograph is added (``detail``)."""
        recipe, content = self.recipe, self._content.tensor
        if stage.along_edges:
            start = along_edges(image, content, strength=recipe.strength, regions=self._regions)
        else:
            # More below full strength: else all detail would be lost at the smallest size.
            share = 1 - recipe.strength * (1 - recipe.detail)
            start = with_detail(image, content, stage.size, share)
        # What was painted over kept regions must not affect the next size.
        return self._with_kept(start, content)

    def _start(self, image: Tensor, stage: Stage) -> Optimizer:
        constraint = self.constraint(stage.size)
        return make_optimizer(
            self.recipe.optimizer,
            self._gradient(stage.size),
            constraint.project(image),
            learning_rate=self.recipe.learning_rate,
            average=self.recipe.average,
            preconditioning=self.recipe.preconditioning,
            preconditioner=self._preconditioner,
            constraint=constraint,
            steps=stage.steps,
        )

    def _gradient(self, size: tuple[int, int]) -> Gradient:
        """The objective's gradient; after running out of memory, in smaller tiles."""
        objective = None

        def gradient(image: Tensor) -> tuple[Losses, Tensor]:
            nonlocal objective
            while True:
                try:
                    with interruptible():
                        objective = objective or self.objective(size)
                        return objective.gradient(image)
                except (RuntimeError, MemoryError) as error:
                    if not is_out_of_memory(error):
                        raise
                    # Retried outside this handler: the error keeps references to the tensors.
                    objective, reason = None, str(error).strip().partition("\n")[0]
                side = self.objective_builder.shrink(size)
                if side is None:
                    raise InputDataError(
                        f"There is not enough memory for {size[1]}×{size[0]} px ({reason}): "
                        f"give a smaller {option('size')}."
                    )
                self._notes.append(f"Not enough memory: continuing in tiles of {side} px.")

        return gradient

    def _first_image(self, size: tuple[int, int]) -> Tensor:
        """The image to start from, at the smallest size, in colours that are allowed."""
        start = self._any_first_image(size)
        return start if self._limits is None else self._limits.at(size).fit(start)

    def _any_first_image(self, size: tuple[int, int]) -> Tensor:
        recipe = self.recipe
        content = resize(self._content.tensor, size)
        if recipe.init == "content" and self._initial_image is None:
            return content
        mode = get_colour_mode(recipe.colour)  # grey start if the painting is grey
        if isinstance(self._initial_image, Tensor):
            start = resize(self._initial_image, size).clamp(0, 1)
            return mode.content(start, recipe.colour_space)
        if self._initial_image is not None:
            start = self._initial_image(content, self._styles, self._regions)
            return mode.content(start, recipe.colour_space)
        random = torch.Generator().manual_seed(recipe.seed)
        # On the CPU, so that a seed gives the same start on every device.
        noise = torch.rand(content.shape, generator=random).to(self.device)
        noise = mode.content(noise, recipe.colour_space)
        return noise if recipe.init == "noise" else torch.lerp(content, noise, recipe.noise)
