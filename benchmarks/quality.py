"""How long the textbook's loop and Impasto's take to the same quality (see ``optimize.py``)."""

from __future__ import annotations

import math
import time
from collections.abc import Callable, Iterable, Iterator
from dataclasses import asdict, dataclass, field
from typing import Any, TypeVar

import torch
from torch import Tensor

from impasto.images.picture import Picture
from impasto.painting.painter import Painter
from impasto.recipes.recipe import Recipe
from impasto.weights.open import open_encoder
from textbook import Textbook, check_agreement, descend, read_pair

T = TypeVar("T")

LEVEL = 1.1
"""Times the textbook's loss: what counts as its quality."""

LOSS_SCALE = 1000.0
"""Of the loss as the textbook's optimizer sees it. At 96 px all powers of ten from 10² to 10⁵ end
within 2 % of each other on both pairs; with 1 and with 10⁶ one of the two runs ends worse."""

TEXTBOOK_OBJECTIVE = {
    "encoder": "compact",
    "pooling": "own",
    "optimizer": "lbfgs",
    "init": "content",
    "style_loss": "gram",
    "normalization": "relative",
    "content_normalization": "relative",
    "tv": "squared",
}
"""What makes the default recipe, whatever it is, one for the textbook's objective."""

JUDGE_EVERY = 0.5
"""Seconds of painting between two judgements."""


@dataclass
class Run:
    """How one run went; losses are the textbook's objective, None is "never"."""

    name: str
    judged: list[tuple[float, int, float]]  # seconds, steps, loss; the last at the end
    seconds: float = field(init=False)
    steps: int = field(init=False)
    final_loss: float = field(init=False)
    best_loss: float = field(init=False)
    seconds_to_level: float | None = None
    steps_to_level: int | None = None
    times_run: float | None = None
    times_level: float | None = None

    def __post_init__(self) -> None:
        self.seconds, self.steps, self.final_loss = self.judged[-1]
        # NaN of a run that diverged is no best.
        self.best_loss = min(loss for *_, loss in self.judged if math.isfinite(loss))

    def compare(self, level: float, reference: Run) -> None:
        """Note when the level was reached, and how that is to the reference (compared before)."""
        reached = [(seconds, steps) for seconds, steps, loss in self.judged if loss <= level]
        if reached:
            self.seconds_to_level, self.steps_to_level = reached[0]
            self.times_run = reference.seconds / self.seconds_to_level
            if reference.seconds_to_level is not None:
                self.times_level = reference.seconds_to_level / self.seconds_to_level


@torch.no_grad()
def judge(textbook: Textbook, image: Tensor) -> float:
    """The textbook's objective of a picture."""
    return float(textbook.loss(image.contiguous()))


def run_textbook(content: Tensor, style: Tensor, recipe: Recipe, evaluations: int) -> Run:
    """The textbook's loop with our encoder's weights."""
    started = time.perf_counter()
    textbook = Textbook(open_encoder("compact"), content, style, recipe)
    before = time.perf_counter() - started
    descent = descend(textbook, content, evaluations, scale=LOSS_SCALE)
    seconds = time.perf_counter() - started
    judged = [
        (before + since, step, loss) for step, (since, loss) in enumerate(descent.evaluations, 1)
    ]
    judged.append((seconds, len(judged), judge(textbook, descent.image)))
    return Run("textbook", judged)


def run_recipe(
    name: str, content: Picture, styles: list[Picture], recipe: Recipe, textbook: Textbook
) -> Run:
    """One of our recipes, judged at its last size."""
    judged: list[tuple[float, int, float]] = []
    due = 0.0
    for count, (seconds, step) in enumerate(timed(lambda: Painter(content, styles, recipe)), 1):
        last_size = step.stage + 1 == step.stages
        if last_size and (seconds >= due or step.step == step.of):
            judged.append((seconds, count, judge(textbook, step.image)))
            due = seconds + JUDGE_EVERY
    return Run(name, judged)


def timed(make: Callable[[], Iterable[T]]) -> Iterator[tuple[float, T]]:
    """The items, each with the seconds that making it and all before it took.

    What the taker does between two items does not count.
    """
    spent, started = 0.0, time.perf_counter()
    for item in make():
        spent += time.perf_counter() - started
        yield spent, item
        started = time.perf_counter()


def measure_quality(pair: str, default: Recipe, evaluations: int) -> dict[str, Any]:
    """The textbook's loop, our default recipe, and our loop on the textbook's objective."""
    content, styles = read_pair(pair, default)
    pyramid = default.replace(**TEXTBOOK_OBJECTIVE)
    gram = pyramid.replace(scales=1, steps=evaluations)
    textbook = Textbook(open_encoder("compact"), content.tensor, styles[0].tensor, gram)

    exact = Painter(content, styles, gram.replace(precision="float32")).objective(content.size)
    start_loss, _ = textbook.gradient(content.tensor)
    check_agreement(start_loss, sum(exact.gradient(content.tensor)[0].values()), "float32")

    # torch loads its compiler with the first optimizer: a second or more, and no run's to pay.
    torch.optim.LBFGS([torch.zeros(1, requires_grad=True)]).zero_grad()
    reference = run_textbook(content.tensor, styles[0].tensor, gram, evaluations)
    ended_well = reference.final_loss <= LEVEL * reference.best_loss
    level = LEVEL * (reference.final_loss if ended_well else reference.best_loss)
    runs = [
        reference,
        run_recipe("default recipe", content, styles, default, textbook),
        run_recipe("pyramid", content, styles, pyramid, textbook),
        run_recipe("single scale", content, styles, gram, textbook),
    ]
    for run in runs:
        run.compare(level, reference)
    return {
        "pair": pair,
        "size": default.size,
        "start_loss": start_loss,
        "level": level,
        "runs": [asdict(run) for run in runs],
    }
