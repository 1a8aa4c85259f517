"""How fast Impasto optimizes a picture, against the textbook's loop on the same pictures.

    python benchmarks/optimize.py                          # all of it; leave the machine alone
    python benchmarks/optimize.py --json figures.json      # and keep the figures
    python benchmarks/optimize.py --sizes 512 --quality 0  # only the steps, only at 512 px
    python benchmarks/optimize.py --quality 0 --threads 1 --cpu   # CPU seconds, beside other work
    python benchmarks/optimize.py --quick                  # does it run? (its figures mean nothing)

Pictures are the bundled samples; a size is the long side in pixels. Impasto's number type is chosen
once, by ``compute_dtype("auto")``, and holds for the whole run.

STEPS (first pair). One step is one evaluation of the loss and its gradient: Gram style at
relu1_1 … relu5_1, content at relu4_2, total variation. An optimizer's own work is left out.

  textbook   VGG-19 with random weights as in PyTorch's tutorial (see textbook.py), float32
  vgg19      the same weights in impasto.Encoder
  compact    Impasto's default encoder: another, smaller net, so its gain is not one of code alone

The last two keep freed memory for the next step, as ``impasto paint`` does.

Each runs in a process of its own, and the processes step in turns.

  seconds    median of --repeats steps, after one step to warm up
  min, max   of the same steps
  faster     textbook's seconds over this row's
  peak       most memory the process ever held, with Python, torch and weights
  growth     peak less what was held before the first step: what the steps need
  less       textbook's growth over this row's

TIME TO QUALITY (every pair). All runs use the compact encoder, start from the content and are
judged by one number, the textbook's objective in float32: relative Gram loss plus relative content
loss, weighted as in the default recipe. The level to be reached is 110 % of the textbook's final
loss (of its best, if it ended on a bad step).

  textbook        its loop: one size, torch's default L-BFGS, --evaluations evaluations
  default recipe  Impasto's own, whatever it minimizes; judged at its last size only, at the end and
                  else every half second
  pyramid         the default recipe, but on the textbook's objective
  single scale    Impasto's L-BFGS on the textbook's objective at one size; as many steps as the
                  textbook has evaluations, though a step takes one or more

  seconds, steps  of the whole run, over all sizes
  to level        seconds until the level was first reached; steps likewise
  × run           textbook's seconds over this row's seconds to level
  × level         textbook's seconds to level over this row's: like with like

Seconds include loading the encoder and computing the targets, not reading pictures nor judging.
"""

from __future__ import annotations

import argparse
import contextlib
import json
import os
import platform
import statistics
import subprocess
import sys
import time
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

import psutil
import torch
from torch import nn

import impasto
from impasto.encoders.vgg import VGG19, Encoder
from impasto.images.samples import PAIRS
from impasto.painting.painter import Painter
from impasto.recipes.presets import get_recipe
from impasto.recipes.recipe import GATYS_LAYERS, Recipe
from impasto.runtime.memory import keep_freed_memory, peak_bytes
from impasto.runtime.precision import compute_dtype
from impasto.weights.open import open_encoder
from quality import measure_quality
from textbook import Textbook, check_agreement, read_pair

Figures = dict[str, Any]

PATHS = ("textbook", "vgg19", "compact")

STEP_RECIPE = Recipe(
    style_loss="gram",
    style_layers=GATYS_LAYERS,
    content_layers={"relu4_2": 1.0},
    tv_weight=0.1,
    tv="squared",
    encoder="compact",
)
"""The terms of the step measurement."""


# --- Steps: the side of a worker process -------------------------------------------------------


def work(path: str, pair: str, size: int, dtype: str, threads: int, clock: str) -> None:
    """Memory before the steps, one step for every line that comes in, and memory after."""
    torch.set_num_threads(threads)
    now = getattr(time, clock)
    if path != "textbook":
        keep_freed_memory(0.0)  # as `impasto paint` does
    step = make_step(path, pair, size, dtype)
    print(json.dumps({"before_bytes": psutil.Process().memory_info().rss}), flush=True)
    for _ in sys.stdin:
        started = now()
        loss = step()
        print(json.dumps({"seconds": now() - started, "loss": loss}), flush=True)
    print(json.dumps({"peak_bytes": peak_bytes()}), flush=True)


def make_step(path: str, pair: str, size: int, dtype: str) -> Callable[[], float]:
    """A function that makes one step and gives its loss."""
    recipe = STEP_RECIPE.replace(size=size)
    content, styles = read_pair(pair, recipe)
    # Some noise, or the content's loss would be zero.
    noise = torch.rand(content.tensor.shape, generator=torch.Generator().manual_seed(1))
    image = torch.lerp(content.tensor, noise, 0.2)
    encoder = open_encoder("compact") if path == "compact" else random_vgg19()
    if path == "textbook":
        textbook = Textbook(encoder, content.tensor, styles[0].tensor, recipe)
        return lambda: textbook.gradient(image)[0]
    encoder.to(getattr(torch, dtype))
    objective = Painter(content, styles, recipe, encoder=encoder).objective(content.size)
    return lambda: sum(objective.gradient(image)[0].values())


def random_vgg19() -> Encoder:
    """VGG-19 with He's initialization, the same weights at every call."""
    encoder = Encoder(VGG19)
    generator = torch.Generator().manual_seed(0)
    for convolution in encoder.convolutions.values():
        nn.init.kaiming_normal_(convolution.weight, nonlinearity="relu", generator=generator)
        nn.init.zeros_(convolution.bias)
    return encoder.frozen()


# --- Steps: the side of the parent -------------------------------------------------------------


def start_worker(*task: str | int) -> subprocess.Popen[str]:
    """A process that does :func:`work`."""
    command = [sys.executable, __file__, "--worker", json.dumps(task)]
    return subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)


def answer(worker: subprocess.Popen[str]) -> Figures:
    """What a worker says next."""
    line = worker.stdout.readline()
    if not line:
        raise RuntimeError(f"A worker ended early with status {worker.wait()}.")
    return json.loads(line)


def step(worker: subprocess.Popen[str]) -> Figures:
    """Seconds and loss of one step of a worker."""
    worker.stdin.write("step\n")
    worker.stdin.flush()
    return answer(worker)


def measure_steps(pair: str, size: int, dtype: str, repeats: int, clock: str) -> list[Figures]:
    """Seconds and memory of all paths at one size, a row each; clock is a function of time."""
    with contextlib.ExitStack() as stack:
        task = (pair, size, dtype, torch.get_num_threads(), clock)
        workers = {path: stack.enter_context(start_worker(path, *task)) for path in PATHS}
        memory = {path: answer(worker) for path, worker in workers.items()}
        losses = {path: step(worker)["loss"] for path, worker in workers.items()}  # and warm up
        check_agreement(losses["textbook"], losses["vgg19"], dtype)
        seconds: dict[str, list[float]] = {path: [] for path in PATHS}
        for _ in range(repeats):
            for path, worker in workers.items():
                seconds[path].append(step(worker)["seconds"])
        for path, worker in workers.items():
            worker.stdin.close()
            memory[path] |= answer(worker)
    rows = [
        {
            "size": size,
            "path": path,
            "dtype": "float32" if path == "textbook" else dtype,
            "loss": losses[path],
            "seconds": statistics.median(seconds[path]),
            "all_seconds": seconds[path],
            **memory[path],
            "growth_bytes": max(1, memory[path]["peak_bytes"] - memory[path]["before_bytes"]),
        }
        for path in PATHS
    ]
    for row in rows:
        row["faster"] = rows[0]["seconds"] / row["seconds"]
        row["less"] = rows[0]["growth_bytes"] / row["growth_bytes"]
    return rows


# --- Report ------------------------------------------------------------------------------------


def environment(dtype: str) -> Figures:
    """What the figures depend on besides the code."""
    return {
        "date": time.strftime("%Y-%m-%d %H:%M"),
        "cpu": cpu_name(),
        "cores": psutil.cpu_count(logical=False),
        "logical_cores": psutil.cpu_count(),
        "threads": torch.get_num_threads(),
        "instructions": torch.backends.cpu.get_cpu_capability(),
        "dtype": dtype,
        "load_before": os.getloadavg()[0] if hasattr(os, "getloadavg") else None,
        "memory_bytes": psutil.virtual_memory().total,
        "system": platform.platform(),
        "python": platform.python_version(),
        "torch": torch.__version__,
        "impasto": impasto.__version__,
    }


def cpu_name() -> str:
    """The processor's name, as far as the system tells."""
    with contextlib.suppress(OSError):
        for line in Path("/proc/cpuinfo").read_text().splitlines():
            if line.startswith("model name"):
                return line.partition(":")[2].strip()
    return platform.processor() or platform.machine()


def print_table(
    title: str, rows: Sequence[Figures], columns: Mapping[str, Callable[[Figures], str]]
) -> None:
    """A Markdown table of rows, from heading → cell of a row."""
    lines = [list(columns), *([cell(row) for cell in columns.values()] for row in rows)]
    widths = [max(map(len, column)) for column in zip(*lines, strict=True)]
    lines.insert(1, ["-" * (width - 1) + ":" for width in widths])
    print(f"\n{title}\n")
    for line in lines:
        padded = [cell.rjust(width) for cell, width in zip(line, widths, strict=True)]
        print(f"| {' | '.join(padded)} |", flush=True)


STEP_COLUMNS: Mapping[str, Callable[[Figures], str]] = {
    "size": lambda row: f"{row['size']} px",
    "path": lambda row: row["path"],
    "type": lambda row: row["dtype"],
    "seconds": lambda row: f"{row['seconds']:.3f}",
    "min": lambda row: f"{min(row['all_seconds']):.3f}",
    "max": lambda row: f"{max(row['all_seconds']):.3f}",
    "faster": lambda row: f"{row['faster']:.2f} ×",
    "peak": lambda row: f"{row['peak_bytes'] / 1e6:.0f} MB",
    "growth": lambda row: f"{row['growth_bytes'] / 1e6:.0f} MB",
    "less": lambda row: f"{row['less']:.2f} ×",
}

QUALITY_COLUMNS: Mapping[str, Callable[[Figures], str]] = {
    "run": lambda run: run["name"],
    "seconds": lambda run: f"{run['seconds']:.1f}",
    "steps": lambda run: f"{run['steps']}",
    "final loss": lambda run: f"{run['final_loss']:.5f}",
    "best loss": lambda run: f"{run['best_loss']:.5f}",
    "to level": lambda run: _unless_never("{:.1f} s", run["seconds_to_level"]),
    "steps to level": lambda run: _unless_never("{}", run["steps_to_level"]),
    "× run": lambda run: _unless_never("{:.2f}", run["times_run"]),
    "× level": lambda run: _unless_never("{:.2f}", run["times_level"]),
}


def _unless_never(form: str, value: float | None) -> str:
    return "never" if value is None else form.format(value)


def parse(arguments: Sequence[str] | None) -> argparse.Namespace:
    """The options."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument(
        "--sizes", type=int, nargs="*", default=[512, 1024], metavar="PX", help="of the steps"
    )
    parser.add_argument("--repeats", type=int, default=7, help="steps timed (default: 7)")
    parser.add_argument(
        "--quality", type=int, default=512, metavar="PX", help="its size; 0: no (default: 512)"
    )
    parser.add_argument(
        "--evaluations", type=int, default=300, help="of the textbook's loop (default: 300)"
    )
    parser.add_argument(
        "--pairs",
        nargs="+",
        choices=PAIRS,
        default=list(PAIRS),
        metavar="NAME",
        help="default: all",
    )
    parser.add_argument("--threads", type=int, help="of torch (default: its own choice)")
    parser.add_argument("--cpu", action="store_true", help="count CPU seconds in the steps")
    parser.add_argument("--json", type=Path, metavar="FILE", help="write all figures there")
    parser.add_argument("--quick", action="store_true", help="one thread, 64 px, few steps")
    parser.add_argument("--worker", help=argparse.SUPPRESS)
    return parser.parse_args(arguments)


def main(arguments: Sequence[str] | None = None) -> None:
    """Measure, print, and write what was asked for."""
    options = parse(arguments)
    if options.worker:
        work(*json.loads(options.worker))
        return
    recipe = get_recipe("default").replace(
        size=options.quality or 512, encoder="compact", tv="squared"
    )  # whose losses the textbook knows
    if options.quick:
        options.sizes, options.repeats, options.quality = [64], 2, 64
        options.pairs, options.evaluations, options.threads = options.pairs[:1], 20, 1
        recipe = recipe.replace(size=64, smallest=40, steps=4, final_steps=2)
    if options.threads:
        torch.set_num_threads(options.threads)
    dtype = str(compute_dtype("auto")).removeprefix("torch.")
    figures: Figures = {"environment": environment(dtype), "steps": [], "quality": []}
    for name, value in figures["environment"].items():
        print(f"{name:>12}  {value}")

    clock = "process_time" if options.cpu else "perf_counter"
    for size in options.sizes:
        figures["steps"] += measure_steps(options.pairs[0], size, dtype, options.repeats, clock)
    if options.sizes:
        title = f"One step (loss and gradient), {options.pairs[0]}"
        print_table(title, figures["steps"], STEP_COLUMNS)
    for pair in options.pairs if options.quality else []:
        result = measure_quality(pair, recipe.replace(precision=dtype), options.evaluations)
        figures["quality"].append(result)
        title = (
            f"Time to quality, {pair}, {result['size']} px: "
            f"loss {result['start_loss']:.5f} at the start, level {result['level']:.5f}"
        )
        print_table(title, result["runs"], QUALITY_COLUMNS)
        for run in result["runs"]:
            if run["seconds_to_level"] is None:
                print(f"\n{run['name']}: never reached the level, at best {run['best_loss']:.5f}.")
    if options.json:
        text = json.dumps(figures, indent=1, ensure_ascii=False)
        options.json.write_text(text + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
