"""What the style statistics cost: processor time of a step, as a ratio to that of Gram matrices.

    python benchmarks/style_losses.py                        # every statistic, 256 and 384 px
    python benchmarks/style_losses.py gaussian-ot --threads 2

A step is one evaluation of the default recipe's loss and its gradient on a bundled pair. The
statistics take turns, so that other programs slow them alike. Printed: the median over --repeats of
processor time and of seconds, and the ratio of processor times.
"""

from __future__ import annotations

import argparse
import statistics
import time

import torch

from impasto import images
from impasto.images.samples import PAIRS
from impasto.losses.registry import STATISTICS
from impasto.painting.painter import Painter
from impasto.recipes.presets import get_recipe
from impasto.runtime.memory import keep_freed_memory
from impasto.weights.open import open_encoder


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("names", nargs="*", metavar="STATISTIC", help="instead of all")
    parser.add_argument("--sizes", type=int, nargs="+", default=[256, 384], help="long sides")
    parser.add_argument("--threads", type=int, default=1, help="[1]")
    parser.add_argument("--repeats", type=int, default=15, help="steps of each [15]")
    args = parser.parse_args()
    torch.set_num_threads(args.threads)
    keep_freed_memory(0.0)  # as `impasto paint` does
    for size in args.sizes:
        compare(
            ["gram", *(name for name in args.names or STATISTICS if name != "gram")], size, args
        )


def compare(names: list[str], size: int, args: argparse.Namespace) -> None:
    """One line for each statistic at one size."""
    pair, encoder = PAIRS["tuebingen-starry-night"], open_encoder("compact")
    content, style = (images.read(p, long_side=size) for p in (pair.content_path, pair.style_path))
    noise = torch.rand(content.tensor.shape, generator=torch.Generator().manual_seed(1))
    picture = torch.lerp(content.tensor, noise, 0.2)
    objectives = {
        name: Painter(
            content, [style], get_recipe("default").replace(size=size, style_loss=name),
            encoder=encoder,
        ).objective(content.size)
        for name in names
    }  # fmt: skip
    times: dict[str, list[tuple[float, float]]] = {name: [] for name in names}
    for repeat in range(args.repeats + 1):
        for name, objective in objectives.items():
            processor, clock = time.process_time(), time.perf_counter()
            objective.gradient(picture)
            if repeat:  # the first warms up
                elapsed = time.process_time() - processor, time.perf_counter() - clock
                times[name].append(elapsed)
    medians = {
        name: [statistics.median(each) for each in zip(*rows, strict=True)]
        for name, rows in times.items()
    }
    for name, (processor, clock) in medians.items():
        ratio = processor / medians["gram"][0]
        print(
            f"{size} px  {args.threads} threads  {name:12} {1000 * processor:7.1f} ms of processor"
            f"  {1000 * clock:7.1f} ms  ×{ratio:.2f}",
            flush=True,
        )


if __name__ == "__main__":
    main()
