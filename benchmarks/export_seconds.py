"""Seconds and memory of exported models in ONNX Runtime, relative to PyTorch on the same machine.

    python benchmarks/export_seconds.py any multi --size 512 --threads 1
    python benchmarks/export_seconds.py any --opsets 18 20 22
    python benchmarks/export_seconds.py any --memory

Each line is a file: its size, the processor time of one picture, and that relative to what PyTorch
takes for it. Turns alternate, so that other work on the machine slows all alike; the median counts.
With --memory it is instead the memory of one picture of one and of four megapixels, each painted in
a process of its own.
"""

from __future__ import annotations

import argparse
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Sequence
from pathlib import Path

import numpy as np
import torch

from impasto import images
from impasto.errors import ImpastoError
from impasto.export.examples import example_inputs
from impasto.export.folder import export_model
from impasto.export.graphs import painter_graph
from impasto.export.onnx import as_onnx, open_session
from impasto.export.options import PRECISIONS
from impasto.images.samples import PAIRS
from impasto.networks.catalogue import open_network


def main(arguments: Sequence[str] | None = None) -> int:
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("models", nargs="+", metavar="MODEL", help="name or file")
    parser.add_argument("--size", type=int, default=512, help="long side in pixels [512]")
    parser.add_argument("--turns", type=int, default=7, help="[7]")
    parser.add_argument("--threads", type=int, default=1, help="[1]")
    parser.add_argument("--opsets", type=int, nargs="+", help="compare these instead of precisions")
    parser.add_argument("--memory", action="store_true", help="measure memory instead")
    args = parser.parse_args(arguments)
    torch.set_num_threads(args.threads)
    try:
        for name in args.models:
            with tempfile.TemporaryDirectory() as folder:
                measure(name, Path(folder), args)
    except ImpastoError as error:
        print(error, file=sys.stderr)
        return 1
    return 0


def measure(name: str, folder: Path, args: argparse.Namespace) -> None:
    """Print the lines of one model."""
    model = open_network(name)
    files = by_opset(name, folder, args.opsets) if args.opsets else by_precision(name, folder)
    if args.memory:
        for label, file in files.items():
            for side in (1024, 2048):
                print(f"  {name} {label:10} {side}×{side} px: {memory(file, side)} MB", flush=True)
        return
    path = next(iter(PAIRS.values())).content_path
    image = images.read(path, long_side=args.size).tensor
    inputs = {**example_inputs(model)[0], "image": image.numpy()}
    style = torch.from_numpy(inputs["styles"])

    @torch.no_grad()
    def in_torch() -> np.ndarray:
        return model.network(image, style).numpy()

    runs: dict[str, Callable[[], np.ndarray]] = {"PyTorch": in_torch}
    for label, file in files.items():
        session = open_session(file, threads=args.threads)
        runs[label] = lambda session=session: session.run(None, inputs)[0]
    seconds = alternating(runs, args.turns)
    exact = in_torch()
    height, width = image.shape[-2:]
    print(f"{name}, {width}×{height} px, {args.threads} threads")
    for label, run in runs.items():
        size = f"{files[label].stat().st_size / 1e6:.1f} MB" if label in files else ""
        ratio = seconds[label] / seconds["PyTorch"]
        error = np.abs(run() - exact)
        print(f"  {label:10} {size:>8} {seconds[label]:7.3f} s  ×{ratio:.2f}"
              f"  off by {error.mean():.1e}, {error.max():.1e} at most", flush=True)  # fmt: skip


def memory(file: Path, side: int) -> int:
    """Megabytes that painting a square picture adds to a new process at its peak (Linux)."""
    answer = subprocess.run(
        [sys.executable, "-c", _PAINT, str(file), str(side)],
        check=True, capture_output=True, text=True,
    )  # fmt: skip
    return int(answer.stdout)


_PAINT = r"""
import re, sys
import numpy as np, onnxruntime
session = onnxruntime.InferenceSession(sys.argv[1], providers=["CPUExecutionProvider"])
side, width = int(sys.argv[2]), session.get_inputs()[1].shape[1]
peak = lambda: int(re.search(r"VmHWM:\s+(\d+)", open("/proc/self/status").read())[1]) // 1024
before = peak()
image = np.random.rand(1, 3, side, side).astype(np.float32)
one = np.ones(1, np.float32)
session.run(None, {"image": image, "styles": np.zeros((1, width), np.float32), "weights": one})
print(peak() - before)
"""


def by_precision(name: str, folder: Path) -> dict[str, Path]:
    """The files of all precisions."""
    described = export_model(name, folder / "model", precisions=PRECISIONS)
    files = described["painter"]["files"]
    return {label: folder / "model" / entry["file"] for label, entry in files.items()}


def by_opset(name: str, folder: Path, opsets: Sequence[int]) -> dict[str, Path]:
    """A float32 file of each operator set."""
    graph = painter_graph(open_network(name).network)
    program = graph.record()
    files = {}
    for opset in opsets:
        path = folder / f"{opset}.onnx"
        path.write_bytes(as_onnx(graph, program, {}, opset=opset).SerializeToString())
        files[f"opset {opset}"] = path
    return files


def alternating(runs: dict[str, Callable[[], np.ndarray]], turns: int) -> dict[str, float]:
    """Median processor time of each, over turns of all."""
    taken: dict[str, list[float]] = {label: [] for label in runs}
    for turn in range(turns + 1):
        for label, run in runs.items():
            start = time.process_time()
            run()
            if turn:  # the first turn warms up
                taken[label].append(time.process_time() - start)
    return {label: statistics.median(values) for label, values in taken.items()}


if __name__ == "__main__":
    sys.exit(main())
