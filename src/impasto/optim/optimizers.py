"""The optimizers by name."""

from __future__ import annotations

from torch import Tensor

from impasto.errors import unknown_name
from impasto.optim.adam import Adam
from impasto.optim.constraints import BOX, Constraint
from impasto.optim.interface import Gradient, Optimizer
from impasto.optim.lbfgs import LBFGS, history_size
from impasto.optim.preconditioner import Preconditioner

OPTIMIZERS = ("lbfgs", "adam")


def make_optimizer(
    name: str,
    gradient: Gradient,
    image: Tensor,
    *,
    learning_rate: float,
    average: float,
    preconditioning: float = 0.0,
    preconditioner: type[Preconditioner] = Preconditioner,
    constraint: Constraint = BOX,
    steps: int | None = None,
) -> Optimizer:
    """The optimizer of that name.

    Args:
        name: One of ``OPTIMIZERS``.
        gradient: Of the objective.
        image: Where to start, (1, 3, H, W) in [0, 1].
        learning_rate: Of Adam, in pixel values; L-BFGS needs none.
        average: Decay of Adam's average of iterates.
        preconditioning: Power of L-BFGS's preconditioner, see :mod:`impasto.optim.preconditioner`.
        preconditioner: Its class.
        constraint: Which pictures are allowed; all in [0, 1] by default.
        steps: That will be made at most; with few, L-BFGS needs less memory.

    Raises:
        OptionError: For an unknown name.
    """
    if name == "adam":
        return Adam(
            gradient, image, learning_rate=learning_rate, average=average, constraint=constraint
        )
    if name == "lbfgs":
        height, width = image.shape[-2:]
        return LBFGS(
            gradient,
            image,
            history=history_size(height * width, steps),
            preconditioner=preconditioner((height, width), preconditioning, image.device),
            constraint=constraint,
        )
    raise unknown_name("optimizer", name, OPTIMIZERS)
