"""One-pass networks in tiles: the same picture, in the memory that was estimated."""

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
from impasto.networks.johnson import JohnsonNetwork
from impasto.networks.model import OnePassModel
from impasto.networks.paint_network import PaintNetwork
from impasto.networks.recolour_network import RecolourNetwork
from impasto.objective.tiles import plan_tiles
from impasto.onepass import stylist as stylist_module
from impasto.onepass.stylist import SpatialStyle, Stylist
from impasto.onepass.tiling import (
    MIN_SIDE,
    SIDE,
    MemoryModel,
    Schedule,
    choose_schedule,
    paint_tiled,
)
from impasto.runtime.memory import BASE_BYTES
from impasto.runtime.strips import STRIP_ELEMENTS

TILED = (Schedule.PAUSED, Schedule.RECOMPUTED)
every_network = pytest.mark.parametrize("name", NETWORKS)


def painter(name: str, image: Tensor) -> Callable[[Schedule, int], Tensor]:
    """Paints a picture whose sides are multiples of the stride: (schedule, side) → picture."""
    net = network(name)
    parts = net.split(vectors(1, net.style_size))
    return lambda schedule, side: paint_tiled(
        net, image, lambda tile: parts, schedule=schedule, side=side
    )


# --- The same picture -------------------------------------------------------------------------


@every_network
@pytest.mark.parametrize(("size", "side"), [((80, 400), 80), ((384, 96), 96), ((176, 272), 1000)])
def test_every_schedule_paints_the_same(name, size, side):
    paint = painter(name, smooth_picture(*size, seed=1))
    whole = paint(Schedule.WHOLE, 0)
    assert float(whole.std()) > 0.005
    for schedule in TILED:
        torch.testing.assert_close(paint(schedule, side), whole, rtol=0, atol=1e-4)


@pytest.mark.parametrize("name", sorted(NETWORKS.keys() - {"johnson-batch"}))
def test_every_schedule_has_the_same_moments_replaced_once(name):
    """What a filter sees in one picture, given to another, normalizes that one alike."""
    net, side = network(name), 96
    parts = net.split(vectors(1, net.style_size))
    first, second = smooth_picture(192, 96, seed=1), smooth_picture(192, 96, seed=2) / 2

    def paint(image, schedule, filter_moments):
        return paint_tiled(
            net,
            image,
            lambda tile: parts,
            schedule=schedule,
            side=side,
            filter_moments=filter_moments,
        )

    def kept(number, moments):
        assert number == len(held)
        held.append(moments)
        return moments

    pictures = []
    for schedule in Schedule:
        held = []
        paint(first, schedule, kept)
        assert held
        pictures.append(paint(second, schedule, lambda number, moments, held=held: held[number]))
    own = painter(name, second)(Schedule.WHOLE, 0)
    assert float((pictures[0] - own).abs().max()) > 0.01
    for picture in pictures[1:]:
        torch.testing.assert_close(picture, pictures[0], rtol=0, atol=1e-4)


@pytest.mark.parametrize("name", ["paint", "johnson", "adain"])
def test_tiles_with_moments_of_their_own_differ(name):
    """Without shared moments the test above fails."""
    image = smooth_picture(256, 336, seed=1)
    net = network(name)
    whole, vector = painter(name, image)(Schedule.WHOLE, 0), vectors(1, net.style_size)
    apart = torch.empty_like(whole)
    for tile in plan_tiles((256, 336), 128, stride=net.stride, halo=net.halo):
        with torch.no_grad():
            tile.part(apart, 1).copy_(tile.core(net(tile.cut(image), vector), 1))
    assert float((apart - whole).abs().max()) > 0.01


@pytest.mark.parametrize("name", ["paint", "johnson", "adain"])
@pytest.mark.parametrize("schedule", list(Schedule))
def test_a_picture_in_bytes_is_painted_to_bytes(name, schedule):
    pixels = (255 * smooth_picture(176, 208, seed=1)).round().to(torch.uint8)
    expected = 255 * painter(name, pixels.float() / 255)(Schedule.WHOLE, 0)
    painted = painter(name, pixels)(schedule, 96)
    assert painted.dtype == torch.uint8
    assert float((painted - expected).abs().max()) <= 0.5 + 255e-4


def use_schedule(monkeypatch: pytest.MonkeyPatch, schedule: Schedule, side: int) -> None:
    """Make a stylist use that schedule, whatever memory there is."""
    monkeypatch.setattr(stylist_module, "choose_schedule", lambda *given: (schedule, side))


@pytest.mark.parametrize("name", ["paint", "johnson", "adain"])
def test_pictures_of_odd_sizes_with_regions(name, monkeypatch):
    image, net = smooth_picture(75, 343, seed=1), network(name)
    share = smooth_picture(75, 343, seed=2)[:, :1]
    style = SpatialStyle(vectors(2, net.style_size), torch.cat([share, 1 - share], 1))
    stylist = Stylist(OnePassModel(net), precision="float32")
    painted = []
    for schedule, side in ((Schedule.WHOLE, 0), (Schedule.PAUSED, 96), (Schedule.RECOMPUTED, 64)):
        use_schedule(monkeypatch, schedule, side)
        painted.append(stylist.paint(image, style))
    for other in painted[1:]:
        assert other.shape == image.shape
        torch.testing.assert_close(other, painted[0], rtol=0, atol=1e-4)
    alone = stylist.paint(image, SpatialStyle(style.vectors[:1]))
    assert float((alone - painted[0]).abs().max()) > 0.01


@pytest.mark.parametrize("name", ["paint", "johnson", "adain"])
def test_with_too_little_memory_tiles_are_used(name, monkeypatch):
    monkeypatch.setattr("impasto.onepass.tiling.SIDE", 128)
    image, net = smooth_picture(300, 100, seed=1), network(name)
    style, schedules = SpatialStyle(vectors(1, net.style_size)), []
    real = paint_tiled

    def recording(*given, schedule, **options):
        schedules.append(schedule)
        return real(*given, schedule=schedule, **options)

    monkeypatch.setattr(stylist_module, "paint_tiled", recording)
    size = (-(-300 // net.stride) * net.stride, -(-100 // net.stride) * net.stride)
    steps = [
        MemoryModel(net, size).bytes(schedule, 128)
        for schedule in (Schedule.WHOLE, Schedule.PAUSED)
    ]
    painted = [
        Stylist(OnePassModel(net), precision="float32", memory=memory).paint(image, style)
        for memory in (BASE_BYTES + 2 * net.padded(image).nbytes + max(steps), 0)
    ]
    assert schedules == [Schedule.WHOLE, Schedule.RECOMPUTED]
    torch.testing.assert_close(painted[1], painted[0], rtol=0, atol=1e-4)


# --- Schedules --------------------------------------------------------------------------------


def count_passes(net: StyledNetwork, monkeypatch: pytest.MonkeyPatch) -> dict[str, int]:
    """Counts forward passes: those started, and the most that ran at the same time."""
    counts = {"started": 0, "at once": 0, "now": 0}
    real = net.staged_forward

    def counting(*given, **options):
        counts["started"] += 1
        counts["now"] += 1
        counts["at once"] = max(counts["at once"], counts["now"])
        try:
            return (yield from real(*given, **options))
        finally:
            counts["now"] -= 1

    monkeypatch.setattr(net, "staged_forward", counting)
    return counts


@pytest.mark.parametrize(("name", "maps"), [("paint", 10), ("johnson", 7), ("adain", 1)])
def test_tiles_pause_for_each_other_or_are_recomputed_for_every_map(name, maps, monkeypatch):
    net, image = network(name), smooth_picture(128, 192, seed=1)
    parts = net.split(vectors(1, net.style_size))
    counts = count_passes(net, monkeypatch)
    paint_tiled(net, image, lambda tile: parts, schedule=Schedule.PAUSED, side=64)
    assert counts == {"started": 6, "at once": 6, "now": 0}
    counts.update({"started": 0, "at once": 0})
    paint_tiled(net, image, lambda tile: parts, schedule=Schedule.RECOMPUTED, side=64)
    assert counts == {"started": 6 * (maps + 1), "at once": 1, "now": 0}


@pytest.mark.parametrize("schedule", list(Schedule))
def test_progress_rises_to_one(schedule):
    net, image, shares = network("johnson"), smooth_picture(128, 192, seed=1), []
    parts = net.split(vectors(1, net.style_size))
    paint_tiled(net, image, lambda tile: parts, schedule=schedule, side=64, progress=shares.append)
    assert shares == sorted(shares)
    assert shares[-1] == 1.0
    assert shares[:-1] == [share for share in shares[:-1] if 0 <= share < 1]
    assert (len(shares) > 5) == (schedule is not Schedule.WHOLE)


def test_no_gradients_are_recorded():
    net = network("paint").requires_grad_(True)
    parts = net.split(vectors(1, net.style_size))
    image = smooth_picture(128, 192, seed=1)
    painted = paint_tiled(net, image, lambda tile: parts, schedule=Schedule.PAUSED, side=64)
    assert not painted.requires_grad


# --- Memory -----------------------------------------------------------------------------------


def test_the_fastest_schedule_that_fits_is_chosen():
    model = MemoryModel(PLAIN["johnson"], (8192, 12288))
    whole, paused = model.bytes(Schedule.WHOLE, 12288), model.bytes(Schedule.PAUSED, SIDE)
    recomputed = model.bytes(Schedule.RECOMPUTED, SIDE)
    assert 2 * recomputed < paused < 0.8 * whole
    assert choose_schedule(model, whole) == (Schedule.WHOLE, 12288)
    assert choose_schedule(model, 0.99 * whole) == (Schedule.PAUSED, SIDE)
    assert choose_schedule(model, 0.99 * paused) == (Schedule.RECOMPUTED, SIDE)
    assert choose_schedule(model, 0.99 * recomputed) == (Schedule.RECOMPUTED, SIDE // 2)
    assert choose_schedule(model, 0) == (Schedule.RECOMPUTED, MIN_SIDE)


def test_what_ships_paints_100_megapixels_whole_within_4_gb():
    """In tiles, each recomputed for every map, it took ten times as long."""
    model = MemoryModel(copy.deepcopy(PLAIN["paint"]).to(torch.bfloat16), (8192, 12288), itemsize=1)
    held = BASE_BYTES + 3 * 8192 * 12288
    assert held + model.bytes(Schedule.WHOLE, 12288) < 2.5e9
    in_float32 = MemoryModel(PLAIN["paint"], model.size, itemsize=1)
    assert choose_schedule(in_float32, 4e9 - held) == (Schedule.WHOLE, 12288)
    assert choose_schedule(in_float32, 3e9 - held) == (Schedule.RECOMPUTED, SIDE)


def test_regions_and_the_pictures_type_count():
    model = MemoryModel(PLAIN["paint"], (1600, 3200))
    regions = replace(model, regions=3)
    # The shares of three regions at the strides 2, 4, 8 and 16, and γ and β of a few rows.
    shares = 3 * (1 / 4 + 1 / 16 + 1 / 64 + 1 / 256) * 1600 * 3200
    rows = 4 * 4 * STRIP_ELEMENTS
    whole = model.bytes(Schedule.WHOLE, 0)
    assert regions.bytes(Schedule.WHOLE, 0) - whole == 4 * shares + rows
    in_bytes = replace(regions, mask_itemsize=1)
    assert in_bytes.bytes(Schedule.WHOLE, 0) - whole == shares + rows
    assert regions.bytes(Schedule.RECOMPUTED, 256) > model.bytes(Schedule.RECOMPUTED, 256)
    in_bytes = replace(model, itemsize=1)
    assert (
        model.bytes(Schedule.RECOMPUTED, 256) - in_bytes.bytes(Schedule.RECOMPUTED, 256)
        == 3 * 3 * 1600 * 3200
    )


@settings(deadline=None)
@given(st.integers(1, 400), st.integers(1, 400), st.floats(1e7, 1e11))
def test_the_chosen_schedule_fits_or_has_the_smallest_tiles(height, width, memory):
    for net in (PLAIN["paint"], PLAIN["johnson"]):
        model = MemoryModel(net, (16 * height, 16 * width))
        schedule, side = choose_schedule(model, memory)
        assert model.bytes(schedule, side) <= memory or side == MIN_SIDE


with torch.device("meta"):
    PLAIN: dict[str, StyledNetwork] = {
        "paint": PaintNetwork(), "recolour": RecolourNetwork(), "johnson": JohnsonNetwork()
    }  # fmt: skip

MEASURE = """
import os, resource, sys
import torch
from impasto.onepass import stylist
from impasto.onepass.stylist import SpatialStyle, Stylist
from impasto.onepass.tiling import MemoryModel, Schedule
from impasto.networks.johnson import JohnsonNetwork, JohnsonShape
from impasto.networks.model import OnePassModel, new_model

torch.set_num_threads(1)
NETWORKS = {
    "paint": lambda: new_model("paint", "compact").network,
    "recolour": lambda: new_model("recolour", "compact").network,
    "johnson": lambda: JohnsonNetwork(JohnsonShape(blocks=1)),
    "adain": lambda: new_model("adain", "compact").network,
}


def peak():
    return 1024 * resource.getrusage(resource.RUSAGE_SELF).ru_maxrss


def measure(network, schedule, side, size, regions, dtype):
    stylist.choose_schedule = lambda *given: (schedule, side)
    painter = Stylist(OnePassModel(network), precision="float32")

    def paint(height, width):
        image = torch.zeros(1, 3, height, width, dtype=dtype)
        where = torch.full((1, 2, height, width), 0.5) if regions else None
        before = peak()
        painter.paint(image, SpatialStyle(torch.zeros(1 + regions, network.style_size), where))
        return peak() - before

    paint(64, 64)  # what only the first call allocates
    return paint(*size)


for line in sys.stdin:
    name, schedule, side, height, width, regions, dtype = line.split()
    network = NETWORKS[name]().eval().requires_grad_(False)
    schedule, side, size = Schedule(schedule), int(side), (int(height), int(width))
    if not os.fork():  # a process of its own, whose peak is its own
        taken = measure(network, schedule, side, size, int(regions), getattr(torch, dtype))
        itemsize = getattr(torch, dtype).itemsize
        padded = tuple(-(-length // network.stride) * network.stride for length in size)
        copied = 3 * itemsize * padded[0] * padded[1] * (padded != size)
        model = MemoryModel(network, padded, itemsize, 2 * int(regions))
        print(taken, copied + model.bytes(schedule, side), flush=True)
        os._exit(0)
    os.wait()
"""
"""Prints bytes taken and bytes estimated, a line for each case."""

CASES = [
    "paint whole 0 320 320 0 float32",
    "paint whole 0 1281 1281 0 uint8",
    "paint whole 0 320 320 1 uint8",
    "paint paused 144 288 288 0 float32",
    "recolour whole 0 1281 1281 0 uint8",
    "recolour whole 0 320 320 1 uint8",
    "johnson whole 0 192 256 0 float32",
    "johnson whole 0 192 256 1 uint8",
    "johnson paused 128 192 256 0 float32",
    "adain whole 0 320 320 0 float32",
    "adain paused 160 320 320 0 uint8",
    "adain recomputed 160 320 320 1 float32",
]


@pytest.mark.slow
@pytest.mark.skipif(not Path("/proc/self/status").exists(), reason="ru_maxrss is in kilobytes")
def test_painting_takes_the_estimated_memory():
    # Blocks are freed at once, as the much larger ones of large pictures are.
    environment = os.environ | {"MALLOC_MMAP_THRESHOLD_": "65536", "OMP_NUM_THREADS": "1"}
    answer = subprocess.run(
        [sys.executable, "-c", MEASURE], input="\n".join(CASES), env=environment,
        capture_output=True, text=True, check=True,
    )  # fmt: skip
    for case, line in zip(CASES, answer.stdout.splitlines(), strict=True):
        taken, estimated = map(float, line.split())
        assert 0.8 * taken < estimated < 2.2 * taken, case
