"""Load on `impasto serve`: many clients, random stops, workers killed at random; nothing is lost.

    python benchmarks/serve.py                    # a minute or two on one core
    python benchmarks/serve.py --requests 500 --paintings 50 --steps 100 --seconds 1800

Three parts, each left out by a 0: one-pass pictures from many clients, beside the rate of the
network alone; paintings of which half are cancelled while workers are killed; memory and files
while work of every kind goes on. The exit code is 1 if one of them misses its mark.
"""

from __future__ import annotations

import argparse
import io
import os
import random
import signal
import statistics
import sys
import tempfile
import threading
import time
from collections import Counter
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path

import psutil
from PIL import Image

sys.path.insert(0, str(Path(__file__).parents[1] / "tests"))

from helpers.clips import make_clip
from helpers.web_client import (
    Client,
    Server,
    folders,
    paint_request,
    png_bytes,
    serving,
    stylize_request,
)
from impasto.images.formats import FORMATS
from impasto.jobs.requests import StyleInput, StylizeRequest
from impasto.jobs.resources import Resources
from impasto.jobs.run import run

SHARE, GROWTH, KEEP_SECONDS = 0.8, 0.05, 10
PATIENCE = 120.0
"""Seconds for files to go, on a machine whose disk is busy."""


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--requests", type=int, default=60, help="one-pass pictures")
    parser.add_argument("--clients", type=int, default=20)
    parser.add_argument("--side", type=int, default=256, help="long side of the pictures")
    parser.add_argument("--paintings", type=int, default=12)
    parser.add_argument("--steps", type=int, default=20, help="of a painting")
    parser.add_argument("--kills", type=int, default=3, help="workers killed during paintings")
    parser.add_argument("--seconds", type=float, default=0, help="of mixed work after that")
    arguments = parser.parse_args()
    words = ["--rate", "0", "--client-jobs", "10000", "--queue-length", "10000",
             "--keep-seconds", str(KEEP_SECONDS)]  # fmt: skip
    good = []
    with serving(*words) as server:
        server.wait_ready()
        if arguments.requests:
            good.append(one_pass(server, arguments))
        if arguments.paintings:
            good.append(paintings(server, arguments))
        if arguments.seconds:
            good.append(mixed(server, arguments))
        good.append(nothing_is_left(server))
    return 0 if all(good) else 1


def bare_rate(side: int, count: int = 40) -> tuple[float, float]:
    """Pictures a second without a service, in one process; and its processor time for each.

    Decoded, painted by an open model, encoded as PNG as the library does, in memory.
    """
    data, resources = png_bytes(side, side * 3 // 4, seed=1), Resources()
    options = FORMATS[".png"].options(0)

    def make() -> None:
        with Image.open(io.BytesIO(data)) as photo:
            request = StylizeRequest(photo.copy(), (StyleInput("great-wave"),))
        run(request, resources=resources).finish().image.save(io.BytesIO(), "PNG", **options)

    make()
    began, used = time.perf_counter(), time.process_time()
    for _ in range(count):
        make()
    used = time.process_time() - used
    return count / (time.perf_counter() - began), used / count


def timed(client: Client, request: dict[str, object], files: dict[str, bytes]) -> tuple[str, float]:
    """The state in which a job ended, and the seconds until its picture was fetched."""
    began = time.perf_counter()
    job = client.job(request, **files)
    state = client.end(job)["state"]
    if state == "finished":
        assert client.get(f"/api/jobs/{job}/result").status == 200
    return state, time.perf_counter() - began


def one_pass(server: Server, arguments: argparse.Namespace) -> bool:
    """Whether none is lost, and the rate is near that of the network alone."""
    photo = {"content": png_bytes(arguments.side, arguments.side * 3 // 4, seed=1)}
    timed(server.client, stylize_request(), photo)  # which opens the model
    before, _ = bare_rate(arguments.side)
    with processor_seconds(server) as used:
        began = time.perf_counter()
        with ThreadPoolExecutor(arguments.clients) as clients:
            ended = list(clients.map(
                lambda _: timed(server.client, stylize_request(), photo),
                range(arguments.requests),
            ))  # fmt: skip
        rate = arguments.requests / (time.perf_counter() - began)
    after, own = bare_rate(arguments.side)
    bare = (before + after) / 2
    seconds = sorted(s for _, s in ended)
    states = Counter(state for state, _ in ended)
    shares = ", ".join(f"{name} {1e3 * s / arguments.requests:.0f}" for name, s in used.items())
    print(f"{arguments.requests} one-pass pictures of {arguments.side} px from "
          f"{arguments.clients} clients: {dict(states)}")  # fmt: skip
    print(f"  {rate:.2f} a second; the network alone {bare:.2f}, so {rate / bare:.0%} of it; "
          f"median {statistics.median(seconds):.2f} s, "
          f"p95 {seconds[int(0.95 * (len(seconds) - 1))]:.2f} s")  # fmt: skip
    print(f"  milliseconds of a processor for each: {shares}; the network alone {1e3 * own:.0f}, "
          f"so {own * arguments.requests / used['workers']:.0%} of the workers'")  # fmt: skip
    return states["finished"] == arguments.requests and rate >= SHARE * bare


@contextmanager
def processor_seconds(server: Server) -> Iterator[dict[str, float]]:
    """Processor time that server, workers and the clients of this process use in the block."""
    pids = {"server": [server.process.pid], "workers": server.workers(), "clients": [os.getpid()]}

    def read() -> dict[str, float]:
        found = {}
        for name, own in pids.items():
            times = [psutil.Process(pid).cpu_times() for pid in own]
            found[name] = sum(t.user + t.system for t in times)
        return found

    before, used = read(), dict[str, float]()
    yield used
    used |= {name: seconds - before[name] for name, seconds in read().items()}


def paintings(server: Server, arguments: argparse.Namespace) -> bool:
    """Whether every client gets a result or a sentence."""
    files = {"content": png_bytes(96, 72, seed=1), "style_1": png_bytes(96, 96, seed=2)}
    client, chance = server.client, random.Random(0)
    jobs = [
        client.job(paint_request(size=96, steps=arguments.steps, optimizer="adam"), **files)
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
            if killed[0] < arguments.kills and chance.random() < 0.5:
                os.kill(chance.choice(server.workers() or [0]), signal.SIGKILL)
                killed[0] += 1

    disturbing = threading.Thread(target=disturb)
    disturbing.start()
    with ThreadPoolExecutor(len(jobs)) as readers:
        ended = list(readers.map(lambda job: answered(client, job), jobs))
    is_over.set()
    disturbing.join()
    without = sum(not got for _, got in ended)
    print(f"{len(jobs)} paintings, half cancelled, {killed[0]} workers killed: "
          f"{dict(Counter(state for state, _ in ended))}; {without} without a result or a "
          "sentence")  # fmt: skip
    return not without


def answered(client: Client, job: str) -> tuple[str, bool]:
    """The state in which a job ended, and whether its client got a picture or a sentence."""
    ended = client.end(job)
    if ended["result"]:
        return ended["state"], client.get(f"/api/jobs/{job}/result").body.startswith(b"\x89PNG")
    sentence = ended["events"].get("failed", {}).get("message") or "".join(ended["notes"])
    return ended["state"], bool(sentence)


def mixed(server: Server, arguments: argparse.Namespace) -> bool:
    """Whether memory stays flat after a sixth of the time, measured between rounds of work."""
    works = works_of(server)
    began, held, states = time.monotonic(), list[tuple[float, float]](), Counter[str]()
    with ThreadPoolExecutor(len(works)) as clients:
        while (passed := time.monotonic() - began) < arguments.seconds:
            states.update(clients.map(lambda work: work(), works))
            held.append((passed, memory(server)))
    settled = [used for passed, used in held if passed > arguments.seconds / 6]
    first, third = settled[0], max(1, len(settled) // 3)
    growth = statistics.median(settled[-third:]) / statistics.median(settled[:third]) - 1
    print(f"{arguments.seconds:.0f} s of mixed work: {sum(states.values())} jobs, {dict(states)}")
    print(f"  memory {first / 1e6:.0f} MB after a sixth, {settled[-1] / 1e6:.0f} MB at the end, "
          f"{min(settled) / first - 1:+.1%} to {max(settled) / first - 1:+.1%} between; "
          f"last third over first {growth:+.1%}")  # fmt: skip
    return max(settled) <= (1 + GROWTH) * first


def works_of(server: Server) -> list[Callable[[], str]]:
    """Jobs of every kind, good, broken and stopped; each gives the state in which it ended."""
    client = server.client
    photo = {"content": png_bytes(96, 72, seed=1)}
    style = {"style_1": png_bytes(96, 96, seed=2)}
    with tempfile.TemporaryDirectory() as folder:
        clip = {"clip": make_clip(Path(folder) / "clip.mp4", 6).read_bytes()}
    texture = {"version": 1, "kind": "texture", "size": [64, 64], "recipe": {"steps": 3},
               "styles": [{"source": "upload:style-1"}]}  # fmt: skip
    frames = {"content": "upload:clip", "styles": [{"source": "great-wave"}], "size": 64}
    video = {"version": 1, "kind": "video", "picture": frames}

    def stopped() -> str:
        request = paint_request(size=96, steps=2000, optimizer="adam")
        job = client.job(request, **photo, **style)
        client.events(job, until="progress")
        client.send("POST", f"/api/jobs/{job}/stop")
        return f"{client.end(job)['state']} on request"

    return [
        lambda: timed(client, stylize_request(), photo)[0],
        lambda: timed(client, stylize_request("upload:style-1"), {**photo, **style})[0],
        lambda: timed(client, paint_request(size=96, steps=4), {**photo, **style})[0],
        lambda: timed(client, texture, style)[0],
        lambda: timed(client, video, clip)[0],
        lambda: timed(client, stylize_request(), {"content": b"no picture"})[0],
        stopped,
    ]


def memory(server: Server) -> float:
    """Of the server and its workers, in bytes."""
    pids = [server.process.pid, *server.workers()]
    return float(sum(psutil.Process(pid).memory_info().rss for pid in pids))


def nothing_is_left(server: Server) -> bool:
    """Whether files go after their time, and the rest with the server."""
    (folder,) = [one for one in folders() if f"-{server.process.pid}-" in one.name]
    began = time.monotonic()
    while (jobs := len(list(folder.glob("job-*")))) and time.monotonic() < began + PATIENCE:
        time.sleep(1)
    seconds, code = time.monotonic() - began, server.stop()
    print(f"{jobs} jobs have files {seconds:.0f} s after the last ended; exit code {code}, "
          f"folder {'left' if folder.exists() else 'removed'}")  # fmt: skip
    return not jobs and not code and not folder.exists()


if __name__ == "__main__":
    sys.exit(main())
