"""Work shared by threads: all of it is done, the same each time, and nobody else is slowed down."""

from __future__ import annotations

import threading
from collections.abc import Iterator

import pytest
import torch

from impasto.nn import winograd
from impasto.runtime import threads
from impasto.runtime.threads import in_bands


@pytest.fixture(autouse=True)
def two_threads() -> Iterator[None]:
    before = torch.get_num_threads()
    torch.set_num_threads(2)
    yield
    torch.set_num_threads(before)


def test_every_number_is_done_once_on_threads_of_one_thread() -> None:
    done: list[int] = []
    counts: set[int] = set()

    def work(band: range, number: int) -> None:
        done.extend(band)
        counts.add(torch.get_num_threads())

    in_bands(11, work)
    assert sorted(done) == list(range(11))
    assert counts == {1}


def test_threads_begun_later_have_all_of_them() -> None:
    threads._team.cache_clear()
    in_bands(4, lambda band, number: None)
    counts: list[int] = []
    later = threading.Thread(target=lambda: counts.append(torch.get_num_threads()))
    later.start()
    later.join()
    assert counts == [torch.get_num_threads()] == [2]


@pytest.mark.parametrize("size", [(40, 44), (67, 90), (130, 66)])
def test_gradients_are_the_same_to_the_bit_whichever_band_is_first(
    size: tuple[int, int], monkeypatch: pytest.MonkeyPatch
) -> None:
    """By letting the one band wait for the other, and the other way round."""
    monkeypatch.setattr(winograd, "_NUMBERS", 64)
    monkeypatch.setattr(winograd, "_LEAST_PATCHES", 8)
    random = torch.Generator().manual_seed(1)
    gradient = torch.randn(1, 8, *size, generator=random)
    filters = winograd.transform(torch.randn(8, 8, 3, 3, generator=random))
    made = []
    for first in (0, 1):

        def ordered(length: int, work: object, first: int = first) -> None:
            halves = range(length // 2), range(length // 2, length)
            for number in (first, 1 - first):
                work(halves[number], number)  # type: ignore[operator]

        with monkeypatch.context() as patch:
            patch.setattr(winograd, "in_bands", ordered)
            made.append(winograd.convolve_back(gradient, filters, padding="reflect"))
    assert torch.equal(*made)
    made.append(winograd.convolve_back(gradient, filters, padding="reflect"))
    assert torch.equal(made[0], made[2])
