"""Clients take turns."""

from __future__ import annotations

import itertools

import pytest
from hypothesis import given
from hypothesis import strategies as st

from impasto.web.fair_queue import FairQueue
from impasto.web.rates import RateLimit


def filled(*clients: str) -> FairQueue[tuple[str, int]]:
    queue: FairQueue[tuple[str, int]] = FairQueue()
    for number, client in enumerate(clients):
        queue.add(client, (client, number))
    return queue


def test_one_of_each_client_in_turn():
    queue = filled("a", "a", "a", "b", "c", "b")
    taken = [queue.pop() for _ in range(6)]
    assert [client for client, _ in taken] == ["a", "b", "c", "a", "b", "a"]
    assert [n for client, n in taken if client == "a"] == [0, 1, 2]
    with pytest.raises(IndexError):
        queue.pop()


@given(st.lists(st.sampled_from("abcd"), max_size=30), st.integers(0, 10))
def test_places_are_told_as_items_are_taken(clients, removed):
    queue = filled(*clients)
    items = list(queue)
    if items:
        gone = items.pop(removed % len(items))
        assert queue.remove(gone)
        assert not queue.remove(gone)
        assert queue.place(gone) == 0
    items = list(queue)
    assert len(queue) == len(items) == max(0, len(clients) - 1)
    assert [queue.place(item) for item in items] == list(range(1, len(items) + 1))
    assert [queue.pop() for _ in items] == items


@given(st.lists(st.sampled_from("abc"), min_size=1, max_size=30))
def test_no_client_waits_for_two_of_another(clients):
    queue = filled(*clients)
    order = [queue.pop()[0] for _ in clients]
    for client in set(clients):
        turns = [place for place, one in enumerate(order) if one == client]
        for before, after in itertools.pairwise(turns):
            between = order[before + 1 : after]
            assert len(between) == len(set(between))


def test_rates_allow_a_minutes_worth_and_then_one_at_a_time():
    now = [0.0]
    rate = RateLimit(60, lambda: now[0])
    assert [rate.seconds_to_wait("a") for _ in range(60)] == [0.0] * 60
    assert rate.seconds_to_wait("a") == pytest.approx(1.0)
    assert rate.seconds_to_wait("b") == 0.0
    now[0] = 1.0
    assert rate.seconds_to_wait("a") == 0.0
    assert rate.seconds_to_wait("a") == pytest.approx(1.0)
    now[0] = 1e6
    assert [rate.seconds_to_wait("a") for _ in range(61)][-2:] == [0.0, pytest.approx(1.0)]


def test_no_limit_is_no_limit():
    rate = RateLimit(0, lambda: 0.0)
    assert {rate.seconds_to_wait("a") for _ in range(1000)} == {0.0}
