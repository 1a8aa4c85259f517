"""How fast this machine's devices are: painting, one pass, and their share of the ceiling.

    python benchmarks/device.py                       # the GPU, if there is one, and the CPU
    python benchmarks/device.py --device cuda:1       # that one, and the CPU
    python benchmarks/device.py --json figures.json   # and keep the figures
    python benchmarks/device.py --quick               # does it run? (its figures mean nothing)

Pictures are the bundled samples; a size is the long side in pixels. Weights are the built-in ones.

CEILING. Multiplications a second of a chain of 3×3 convolutions of 256 channels, in the number
type and layout that ``compute_dtype("auto")`` and ``fastest_layout`` choose on the device. It is
the best that a network of such convolutions could reach there.

PAINTING. ``impasto.paint`` with the default recipe, from pictures in memory to the finished picture
in memory, the targets and the start of every size included; the best of --rounds after one to warm
up, which is not counted. A size is skipped on a device after a round that took --patience seconds.

ONE PASS. The network ``any``, its style read before, on pictures that are on the device already.

  512, 1080p      one picture of 512×512 and of 1920×1080
  1080p × 16      a batch of 16 (of 2 on a CPU), in pictures a second

  seconds   best round, after one to warm up
  share     multiplications that ran in convolutions and matrix products, over the seconds and the
            ceiling
  × CPU     the CPU's seconds over the device's
"""

from __future__ import annotations

import argparse
import json
import platform
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import torch
import torch.nn.functional as F
from torch.utils._python_dispatch import TorchDispatchMode
from torch.utils.flop_counter import flop_registry

from impasto import images
from impasto.errors import ImpastoError
from impasto.images.samples import PAIRS
from impasto.networks.catalogue import open_network
from impasto.onepass.stylist import STYLE_SIDE, Stylist
from impasto.painting.painter import Painter
from impasto.recipes.presets import get_recipe
from impasto.runtime.devices import CPU, find_device, synchronize
from impasto.runtime.precision import compute_dtype, fastest_layout

Figures = dict[str, Any]

PAIR = PAIRS["tuebingen-starry-night"]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--device", default="auto", help="the device beside the CPU [a GPU]")
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--patience", type=float, default=60, help="see above [60]")
    parser.add_argument("--json", metavar="FILE", type=Path, help="write the figures")
    parser.add_argument("--quick", action="store_true", help="tiny sizes: does it run?")
    args = parser.parse_args()
    try:
        devices = list(dict.fromkeys([find_device(args.device), CPU]))
    except ImpastoError as error:
        sys.exit(f"{error}")
    if args.quick:
        args.rounds = 1
    figures = {"environment": environment(), "devices": [measure(d, args) for d in devices]}
    cpu = {row["name"]: row for row in figures["devices"][-1]["rows"]}
    for device in figures["devices"]:
        print_table(device, cpu)
    if args.json:
        args.json.write_text(json.dumps(figures, indent=2) + "\n", encoding="utf-8")


class Counter(TorchDispatchMode):
    """Counts the multiplications of convolutions and matrix products that run."""

    def __init__(self) -> None:
        super().__init__()
        self.multiplications = 0.0

    def __torch_dispatch__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        result = func(*args, **(kwargs or {}))
        count = flop_registry.get(func._overloadpacket)
        if count is not None:
            self.multiplications += count(*args, **(kwargs or {}), out_val=result) / 2
        return result


def environment() -> Figures:
    return {
        "machine": platform.platform(),
        "torch": torch.__version__,
        "threads": torch.get_num_threads(),
    }


def measure(device: torch.device, args: argparse.Namespace) -> Figures:
    """All figures of one device."""
    ceiling = measure_ceiling(device, quick=args.quick)
    sizes = (64, 96) if args.quick else (512, 1024)
    rows = [painting(device, size, args) for size in sizes]
    frames = [(64, 64, 1), (64, 96, 1), (64, 96, 2)]
    if not args.quick:
        frames = [(512, 512, 1), (1080, 1920, 1), (1080, 1920, 2 if device == CPU else 16)]
    names = ("one pass, 512×512", "one pass, 1920×1080", "one pass, 1920×1080, batch")
    rows += [
        one_pass(device, name, *frame, args) for name, frame in zip(names, frames, strict=True)
    ]
    for row in rows:
        if row["seconds"] is not None:
            row["share"] = row.pop("multiplications") / row["seconds"] / ceiling["per_second"]
    return {"device": str(device), "name": device_name(device), "ceiling": ceiling, "rows": rows}


def measure_ceiling(device: torch.device, *, quick: bool) -> Figures:
    """Multiplications a second of convolutions, in the type and layout used on the device."""
    dtype = compute_dtype("auto", device)
    layout = fastest_layout(device, dtype)
    batch, side, count = (1, 128, 8) if device == CPU else (16, 128, 20)
    if quick:
        batch, side, count = 1, 16, 2
    width = 256
    x = torch.rand(batch, width, side, side).to(device, dtype).to(memory_format=layout)
    weight = (torch.rand(width, width, 3, 3) / (9 * width)).to(device, dtype)
    weight = weight.to(memory_format=layout)

    def convolve() -> None:
        y = x
        with torch.inference_mode():
            for _ in range(count):
                y = F.conv2d(y, weight, padding=1)

    seconds = best(convolve, device, rounds=1 if quick else 5)
    multiplications = count * batch * side**2 * 9 * width**2
    return {
        "dtype": str(dtype).removeprefix("torch."),
        "layout": str(layout).removeprefix("torch."),
        "per_second": multiplications / seconds,
    }


def painting(device: torch.device, size: int, args: argparse.Namespace) -> Figures:
    """Seconds of the default recipe, and the multiplications in it."""
    recipe = get_recipe("default").replace(size=size)
    if args.quick:
        recipe = recipe.replace(steps=1, final_steps=1, scales=1)
    content = images.read(PAIR.content_path, long_side=size, max_enlarge=2)
    style = images.read(PAIR.style_path, long_side=size, max_enlarge=2)

    def paint() -> None:
        painter = Painter(content, [style], recipe, device=device)
        for _ in painter:
            pass
        painter.picture.cpu()

    started = time.perf_counter()
    with Counter() as counter:  # a few per cent slower: not among the rounds
        paint()
    warm = time.perf_counter() - started
    rounds = 0 if warm > args.patience else args.rounds
    seconds = best(paint, device, rounds=rounds, warm=False) if rounds else warm
    return {
        "name": f"default recipe, {size} px",
        "seconds": seconds,
        "pictures": 1,
        "multiplications": counter.multiplications,
    }


def one_pass(
    device: torch.device, name: str, height: int, width: int, batch: int, args: argparse.Namespace
) -> Figures:
    """Seconds of the network for any style, and the multiplications in it."""
    stylist = Stylist(open_network("any"), device=device)
    picture = images.read(PAIR.content_path).resized((height, width)).tensor.to(device)
    style = images.read(PAIR.style_path, long_side=64 if args.quick else STYLE_SIDE)
    vector = stylist.read_style(style.tensor)[None]
    frames = picture.expand(batch, -1, -1, -1).contiguous()
    network = stylist.network

    def paint() -> None:
        with torch.no_grad():  # as painting does; in inference mode convolutions are not counted
            network(frames, vector.expand(batch, -1))

    with Counter() as counter:
        paint()
    return {
        "name": name,
        "seconds": best(paint, device, rounds=args.rounds) / batch,
        "pictures": batch,
        "multiplications": counter.multiplications / batch,
    }


def best(
    work: Callable[[], None], device: torch.device, *, rounds: int, warm: bool = True
) -> float:
    """The least seconds of several rounds."""
    if warm:
        work()
    seconds = []
    for _ in range(rounds):
        synchronize(device)
        started = time.perf_counter()
        work()
        synchronize(device)
        seconds.append(time.perf_counter() - started)
    return min(seconds)


def device_name(device: torch.device) -> str:
    module = getattr(torch, device.type, None)
    if hasattr(module, "get_device_name"):
        return str(module.get_device_name(device))
    return platform.processor() or platform.machine()


def print_table(figures: Figures, cpu: dict[str, Figures]) -> None:
    ceiling = figures["ceiling"]
    print(f"\n{figures['device']}: {figures['name']}")
    print(
        f"ceiling {ceiling['per_second'] / 1e12:.3g} tera-multiplications a second "
        f"({ceiling['dtype']}, {ceiling['layout']})\n"
    )
    print("| | seconds | pictures a second | share of the ceiling | × CPU |")
    print("|---|---|---|---|---|")
    for row in figures["rows"]:
        seconds = row["seconds"]
        faster = cpu[row["name"]]["seconds"] / seconds
        print(
            f"| {row['name']} | {seconds:.4g} | {1 / seconds:.3g} | {row['share']:.0%} | "
            f"{faster:.3g} |"
        )


if __name__ == "__main__":
    main()
