"""One-pass networks tile by tile: to the same picture, in the memory that was reckoned."""

from __future__ import annotations

import copy
import os
import subprocess
import sys
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import Tensor

from helpers.random_inputs import smooth_picture
from helpers.tiny_networks import NETWORKS, network, vectors
from impasto.networks.base import StyledNetwork
from impasto.networks.files import OnePassModel
from impasto.networks.johnson import JohnsonNetwork
from impasto.networks.paint_network import PaintNetwork
from impasto.objective.tiles import plan_tiles
from impasto.onepass import stylist as stylist_module
from impasto.onepass.stylist import SpatialStyle, Stylist
from impasto.onepass.tiling import LEAST_SIDE, SIDE, Job, Plan, choose, paint_tiled
from impasto.runtime.memory import BASE_BYTES

TILED = (Plan.WAITING, Plan.ANEW)
every_network = pytest.mark.parametrize("name", NETWORKS)


def painter(name: str, image: Tensor) -> Callable[[Plan, int], Tensor]:
    """Paints a picture whose sides are multiples of the stride, by a plan in tiles of a side."""
    own = network(name)
    parts = own.split(vectors(1, own.style_size))
    return lambda plan, side: paint_tiled(own, image, lambda tile: parts, plan=plan, side=side)


# --- The same picture -------------------------------------------------------------------------


@every_network
@pytest.mark.parametrize(("size", "side"), [((80, 400), 80), ((384, 96), 96), ((176, 272), 1000)])
def test_every_plan_paints_the_same(name, size, side):
    paint = painter(name, smooth_picture(*size, seed=1))
    whole = paint(Plan.WHOLE, 0)
    assert float(whole.std()) > 0.005
    for plan in TILED:
        torch.testing.assert_close(paint(plan, side), whole, rtol=0, atol=1e-4)


@pytest.mark.parametrize("name", ["paint", "johnson", "adain"])
def test_with_moments_of_their_own_tiles_would_differ(name):
    """The test above can fail."""
    image = smooth_picture(256, 336, seed=1)
    own = network(name)
    whole, vector = painter(name, image)(Plan.WHOLE, 0), vectors(1, own.style_size)
    apart = torch.empty_like(whole)
    for tile in plan_tiles((256, 336), 128, stride=own.stride, halo=own.halo):
        with torch.no_grad():
            tile.part(apart, 1).copy_(tile.core(own(tile.cut(image), vector), 1))
    assert float((apart - whole).abs().max()) > 0.01


@pytest.mark.parametrize("name", ["paint", "johnson", "adain"])
@pytest.mark.parametrize("plan", list(Plan))
def test_a_picture_in_bytes_is_painted_to_bytes(name, plan):
    pixels = (255 * smooth_picture(176, 208, seed=1)).round().to(torch.uint8)
    expected = 255 * painter(name, pixels.float() / 255)(Plan.WHOLE, 0)
    painted = painter(name, pixels)(plan, 96)
    assert painted.dtype == torch.uint8
    assert float((painted - expected).abs().max()) <= 0.5 + 255e-4


def by(monkeypatch: pytest.MonkeyPatch, plan: Plan, side: int) -> None:
    """Have pictures painted by that plan, whatever memory there is."""
    monkeypatch.setattr(stylist_module, "choose", lambda *given: (plan, side))


@pytest.mark.parametrize("name", ["paint", "johnson", "adain"])
def test_pictures_of_odd_sizes_with_regions(name, monkeypatch):
    image, own = smooth_picture(75, 343, seed=1), network(name)
    share = smooth_picture(75, 343, seed=2)[:, :1]
    brush = SpatialStyle(vectors(2, own.style_size), torch.cat([share, 1 - share], 1))
    stylist = Stylist(OnePassModel(own), precision="float32")
    painted = []
    for plan, side in ((Plan.WHOLE, 0), (Plan.WAITING, 96), (Plan.ANEW, 64)):
        by(monkeypatch, plan, side)
        painted.append(stylist.paint(image, brush))
    for other in painted[1:]:
        assert other.shape == image.shape
        torch.testing.assert_close(other, painted[0], rtol=0, atol=1e-4)
    alone = stylist.paint(image, SpatialStyle(brush.vectors[:1]))
    assert float((alone - painted[0]).abs().max()) > 0.01


@pytest.mark.parametrize("name", ["paint", "johnson", "adain"])
def test_where_memory_lacks_tiles_are_taken_without_being_asked(name, monkeypatch):
    monkeypatch.setattr("impasto.onepass.tiling.SIDE", 128)
    image, own = smooth_picture(300, 100, seed=1), network(name)
    brush, plans = SpatialStyle(vectors(1, own.style_size)), []
    real = paint_tiled

    def noted(*given, plan, **options):
        plans.append(plan)
        return real(*given, plan=plan, **options)

    monkeypatch.setattr(stylist_module, "paint_tiled", noted)
    size = (-(-300 // own.stride) * own.stride, -(-100 // own.stride) * own.stride)
    steps = [Job(own, size).memory(plan, 128) for plan in (Plan.WHOLE, Plan.WAITING)]
    painted = [
        Stylist(OnePassModel(own), precision="float32", memory=memory).paint(image, brush)
        for memory in (BASE_BYTES + 2 * own.padded(image).nbytes + max(steps), 0)
    ]
    assert plans == [Plan.WHOLE, Plan.ANEW]
    torch.testing.assert_close(painted[1], painted[0], rtol=0, atol=1e-4)


# --- How it is walked -------------------------------------------------------------------------


def walks_of(own: StyledNetwork, monkeypatch: pytest.MonkeyPatch) -> dict[str, int]:
    """Counts walks: all that are begun, and how many at most were under way at one time."""
    counts = {"begun": 0, "at once": 0, "now": 0}
    real = own.walk

    def walk(*given, **options):
        counts["begun"] += 1
        counts["now"] += 1
        counts["at once"] = max(counts["at once"], counts["now"])
        try:
            return (yield from real(*given, **options))
        finally:
            counts["now"] -= 1

    monkeypatch.setattr(own, "walk", walk)
    return counts


@pytest.mark.parametrize(("name", "maps"), [("paint", 10), ("johnson", 7), ("adain", 1)])
def test_tiles_wait_for_each_other_or_walk_anew_for_every_map(name, maps, monkeypatch):
    own, image = network(name), smooth_picture(128, 192, seed=1)
    parts = own.split(vectors(1, own.style_size))
    counts = walks_of(own, monkeypatch)
    paint_tiled(own, image, lambda tile: parts, plan=Plan.WAITING, side=64)
    assert counts == {"begun": 6, "at once": 6, "now": 0}
    counts.update({"begun": 0, "at once": 0})
    paint_tiled(own, image, lambda tile: parts, plan=Plan.ANEW, side=64)
    assert counts == {"begun": 6 * (maps + 1), "at once": 1, "now": 0}


@pytest.mark.parametrize("plan", list(Plan))
def test_progress_rises_to_one(plan):
    own, image, shares = network("johnson"), smooth_picture(128, 192, seed=1), []
    parts = own.split(vectors(1, own.style_size))
    paint_tiled(own, image, lambda tile: parts, plan=plan, side=64, done=shares.append)
    assert shares == sorted(shares)
    assert shares[-1] == 1.0
    assert shares[:-1] == [share for share in shares[:-1] if 0 <= share < 1]
    assert (len(shares) > 5) == (plan is not Plan.WHOLE)


def test_no_gradients_are_kept():
    own = network("paint").requires_grad_(True)
    parts = own.split(vectors(1, own.style_size))
    image = smooth_picture(128, 192, seed=1)
    painted = paint_tiled(own, image, lambda tile: parts, plan=Plan.WAITING, side=64)
    assert not painted.requires_grad


# --- Memory -----------------------------------------------------------------------------------


def test_the_quickest_plan_that_fits():
    job = Job(PLAIN["johnson"], (8192, 12288))
    whole, waiting = job.memory(Plan.WHOLE, 12288), job.memory(Plan.WAITING, SIDE)
    anew = job.memory(Plan.ANEW, SIDE)
    assert 2 * anew < waiting < 0.8 * whole
    assert choose(job, whole) == (Plan.WHOLE, 12288)
    assert choose(job, 0.99 * whole) == (Plan.WAITING, SIDE)
    assert choose(job, 0.99 * waiting) == (Plan.ANEW, SIDE)
    assert choose(job, 0.99 * anew) == (Plan.ANEW, SIDE // 2)
    assert choose(job, 0) == (Plan.ANEW, LEAST_SIDE)


def test_what_ships_paints_100_megapixels_whole_within_4_gb():
    """In tiles, each walked anew for every map, it took ten times as long."""
    job = Job(copy.deepcopy(PLAIN["paint"]).to(torch.bfloat16), (8192, 12288), of_picture=1)
    there = BASE_BYTES + 3 * 8192 * 12288
    assert there + job.memory(Plan.WHOLE, 12288) < 2.5e9
    in_float32 = Job(PLAIN["paint"], job.size, of_picture=1)
    assert choose(in_float32, 4e9 - there) == (Plan.WHOLE, 12288)
    assert choose(in_float32, 3e9 - there) == (Plan.ANEW, SIDE)


def test_maps_of_styles_and_pictures_in_floats_count():
    job = Job(PLAIN["paint"], (1600, 3200))
    by_place = replace(job, by_place=True)
    # Of the head's 16 channels at half the size, γ and β in float32.
    assert by_place.memory(Plan.WHOLE, 0) - job.memory(Plan.WHOLE, 0) == 4 * 2 * 16 * 800 * 1600
    assert by_place.memory(Plan.ANEW, 256) > job.memory(Plan.ANEW, 256)
    in_bytes = replace(job, of_picture=1)
    assert job.memory(Plan.ANEW, 256) - in_bytes.memory(Plan.ANEW, 256) == 3 * 3 * 1600 * 3200


@settings(deadline=None)
@given(st.integers(1, 400), st.integers(1, 400), st.floats(1e7, 1e11))
def test_what_is_chosen_fits_or_is_the_least(height, width, memory):
    for own in (PLAIN["paint"], PLAIN["johnson"]):
        job = Job(own, (16 * height, 16 * width))
        plan, side = choose(job, memory)
        assert job.memory(plan, side) <= memory or side == LEAST_SIDE


with torch.device("meta"):
    PLAIN: dict[str, StyledNetwork] = {"paint": PaintNetwork(), "johnson": JohnsonNetwork()}

MEASURE = """
import os, resource, sys
import torch
from impasto.onepass import stylist
from impasto.onepass.stylist import SpatialStyle, Stylist
from impasto.onepass.tiling import Job, Plan
from impasto.networks.johnson import JohnsonNetwork, JohnsonShape
from impasto.networks.files import OnePassModel, new_model

torch.set_num_threads(1)
NETWORKS = {
    "paint": lambda: new_model("paint", "compact").network,
    "johnson": lambda: JohnsonNetwork(JohnsonShape(blocks=1)),
    "adain": lambda: new_model("adain", "compact").network,
}


def peak():
    return 1024 * resource.getrusage(resource.RUSAGE_SELF).ru_maxrss


def measure(network, plan, side, size, regions, dtype):
    stylist.choose = lambda *given: (plan, side)
    painter = Stylist(OnePassModel(network), precision="float32")

    def paint(height, width):
        image = torch.zeros(1, 3, height, width, dtype=dtype)
        where = torch.full((1, 2, height, width), 0.5) if regions else None
        before = peak()
        painter.paint(image, SpatialStyle(torch.zeros(1 + regions, network.style_size), where))
        return peak() - before

    paint(64, 64)  # what is taken once for all
    return paint(*size)


for line in sys.stdin:
    name, plan, side, height, width, regions, dtype = line.split()
    network = NETWORKS[name]().eval().requires_grad_(False)
    plan, side, size = Plan(plan), int(side), (int(height), int(width))
    if not os.fork():  # a process of its own, whose peak is its own
        taken = measure(network, plan, side, size, int(regions), getattr(torch, dtype))
        of_picture = getattr(torch, dtype).itemsize
        padded = tuple(-(-length // network.stride) * network.stride for length in size)
        copied = 3 * of_picture * padded[0] * padded[1] * (padded != size)
        job = Job(network, padded, of_picture, by_place=regions == "1")
        print(taken, copied + job.memory(plan, side), flush=True)
        os._exit(0)
    os.wait()
"""
"""Bytes that paintings take and bytes that were reckoned, a line each."""

CASES = [
    "paint whole 0 320 320 0 float32",
    "paint whole 0 1281 1281 0 uint8",
    "paint whole 0 320 320 1 uint8",
    "paint waiting 144 288 288 0 float32",
    "johnson whole 0 192 256 0 float32",
    "johnson whole 0 192 256 1 uint8",
    "johnson waiting 128 192 256 0 float32",
    "adain whole 0 320 320 0 float32",
    "adain waiting 160 320 320 0 uint8",
    "adain anew 160 320 320 1 float32",
]


@pytest.mark.skipif(not Path("/proc/self/status").exists(), reason="peaks are told in kilobytes")
def test_paintings_take_the_memory_that_was_reckoned():
    # Blocks given back at once, as the much larger ones of large pictures are.
    environment = os.environ | {"MALLOC_MMAP_THRESHOLD_": "65536", "OMP_NUM_THREADS": "1"}
    answer = subprocess.run(
        [sys.executable, "-c", MEASURE], input="\n".join(CASES), env=environment,
        capture_output=True, text=True, check=True,
    )  # fmt: skip
    for case, line in zip(CASES, answer.stdout.splitlines(), strict=True):
        taken, reckoned = map(float, line.split())
        assert 0.8 * taken < reckoned < 2.2 * taken, case
