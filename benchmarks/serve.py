"""Load on `impasto serve`: many clients, random stops, workers killed at random; nothing is lost.

    python benchmarks/serve.py                              # a minute or two on one core
    python benchmarks/serve.py --requests 500 --clients 20 --paintings 50

Three parts: one-pass pictures from many clients, beside the rate of the network alone; paintings of
which half are cancelled while workers are killed; memory and files while all of it is repeated.
"""

from __future__ import annotations

import argparse
import io
import os
import random
import signal
import statistics
import sys
import threading
import time
from collections import Counter
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import psutil
from PIL import Image

sys.path.insert(0, str(Path(__file__).parents[1] / "tests"))

from helpers.web_client import (
    Server,
    folders,
    paint_request,
    png_bytes,
    serving,
    stylize_request,
)
from impasto.jobs.requests import StyleInput, StylizeRequest
from impasto.jobs.resources import Resources
from impasto.jobs.run import run


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--requests", type=int, default=60, help="one-pass pictures")
    parser.add_argument("--clients", type=int, default=20)
    parser.add_argument("--side", type=int, default=256, help="long side of the pictures")
    parser.add_argument("--paintings", type=int, default=12)
    parser.add_argument("--steps", type=int, default=20, help="of a painting")
    parser.add_argument("--seconds", type=float, default=0, help="of mixed work after that")
    arguments = parser.parse_args()
    bare = bare_rate(arguments.side)
    words = ["--rate", "0", "--client-jobs", "10000", "--queue-length", "10000",
             "--keep-seconds", "10"]  # fmt: skip
    with serving(*words) as server:
        server.wait_ready()
        one_pass(server, arguments, bare)
        paintings(server, arguments)
        mixed(server, arguments)
        own = f"-{server.process.pid}-"
        print(f"exit code {server.stop()}, folders left: "
              f"{sum(own in folder.name for folder in folders())}")  # fmt: skip


def bare_rate(side: int, count: int = 20) -> float:
    """Pictures a second without a service: decoded, painted by an open model, encoded as PNG."""
    data, resources = png_bytes(side, side * 3 // 4, seed=1), Resources()

    def make() -> None:
        with Image.open(io.BytesIO(data)) as photo:
            request = StylizeRequest(photo.copy(), (StyleInput("great-wave"),))
        run(request, resources=resources).finish().image.save(io.BytesIO(), "PNG")

    make()
    began = time.perf_counter()
    for _ in range(count):
        make()
    return count / (time.perf_counter() - began)


def timed(server: Server, request: dict[str, object], files: dict[str, bytes]) -> tuple[str, float]:
    """The state in which a job ended, and the seconds until its picture was fetched."""
    began = time.perf_counter()
    job = server.client.job(request, **files)
    state = server.client.end(job)["state"]
    if state == "finished":
        assert server.client.get(f"/api/jobs/{job}/result").body.startswith(b"\x89PNG")
    return state, time.perf_counter() - began


def one_pass(server: Server, arguments: argparse.Namespace, bare: float) -> None:
    photo = png_bytes(arguments.side, arguments.side * 3 // 4, seed=1)
    began = time.perf_counter()
    with ThreadPoolExecutor(arguments.clients) as clients:
        ended = list(clients.map(
            lambda _: timed(server, stylize_request(), {"content": photo}),
            range(arguments.requests),
        ))  # fmt: skip
    rate = arguments.requests / (time.perf_counter() - began)
    seconds = sorted(s for _, s in ended)
    print(f"{arguments.requests} one-pass pictures of {arguments.side} px from "
          f"{arguments.clients} clients: {dict(Counter(state for state, _ in ended))}")  # fmt: skip
    print(f"  {rate:.2f} a second; the network alone {bare:.2f}, so {rate / bare:.0%} of it; "
          f"median {statistics.median(seconds):.2f} s, "
          f"p95 {seconds[int(0.95 * (len(seconds) - 1))]:.2f} s")  # fmt: skip


def paintings(server: Server, arguments: argparse.Namespace) -> None:
    files = {"content": png_bytes(96, 72, seed=1), "style_1": png_bytes(96, 96, seed=2)}
    client, chance = server.client, random.Random(0)
    jobs = [
        client.job(paint_request(size=96, steps=arguments.steps), **files)
        for _ in range(arguments.paintings)
    ]
    cancelled = set(chance.sample(jobs, len(jobs) // 2))
    killed = [0]
    is_over = threading.Event()

    def disturb() -> None:
        waiting = list(cancelled)
        while not is_over.wait(chance.uniform(0.3, 1)):
            if waiting:
                client.send("POST", f"/api/jobs/{waiting.pop()}/stop")
            if killed[0] < 3 and chance.random() < 0.5 and (workers := server.workers()):
                os.kill(chance.choice(workers), signal.SIGKILL)
                killed[0] += 1

    disturbing = threading.Thread(target=disturb)
    disturbing.start()
    with ThreadPoolExecutor(len(jobs)) as readers:
        ended = list(readers.map(client.end, jobs))
    is_over.set()
    disturbing.join()
    told = [e for e in ended if e["state"] != "failed" or e["events"]["failed"]["message"]]
    print(f"{len(jobs)} paintings, half cancelled, {killed[0]} workers killed: "
          f"{dict(Counter(e['state'] for e in ended))}; "
          f"{len(jobs) - len(told)} without a result or a sentence")  # fmt: skip


def mixed(server: Server, arguments: argparse.Namespace) -> None:
    if not arguments.seconds:
        return
    photo = {"content": png_bytes(96, 72, seed=1)}
    both = {**photo, "style_1": png_bytes(96, 96, seed=2)}
    works: list[Callable[[], object]] = [
        lambda: timed(server, stylize_request(), photo),
        lambda: timed(server, stylize_request("upload:style-1"), both),
        lambda: timed(server, paint_request(size=96, steps=4), both),
    ]
    began, held = time.monotonic(), []
    while (passed := time.monotonic() - began) < arguments.seconds:
        for work in works:
            work()
        held.append((passed, memory(server)))
    settled = [used for passed, used in held if passed > arguments.seconds / 6]
    print(f"{arguments.seconds:.0f} s of mixed work: {len(held) * len(works)} jobs, memory "
          f"{settled[0] / 1e6:.0f} MB after a sixth, {settled[-1] / 1e6:.0f} MB at the end, "
          f"{max(settled) / settled[0] - 1:+.1%} at most")  # fmt: skip


def memory(server: Server) -> float:
    """Of the server and its workers, in bytes."""
    pids = [server.process.pid, *server.workers()]
    return float(sum(psutil.Process(pid).memory_info().rss for pid in pids))


if __name__ == "__main__":
    main()
