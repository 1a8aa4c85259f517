"""Styles and strengths between keyframes, and the decoding order of frames with new times."""

from __future__ import annotations

from fractions import Fraction
from itertools import pairwise

import pytest
import torch

from impasto.jobs.video_request import parse_keyframes
from impasto.video.muxing import decoding_ticks
from impasto.video.timeline import EASINGS, Timeline

FIRST, SECOND = torch.tensor([0.0, 10.0]), torch.tensor([4.0, 20.0])


def timeline(*texts, ease="linear", vector=None, strength=1.0, vectors=(FIRST, SECOND)):
    keyframes = parse_keyframes(texts)
    given = iter(vectors)
    own = [next(given) if keyframe.styles else None for keyframe in keyframes]
    return Timeline(keyframes, own, vector=vector, strength=strength, ease=ease)


def test_halfway_is_the_mean():
    look = timeline("1=wave", "3=scream")
    assert look(Fraction(0)).vector.tolist() == [0, 10]
    assert look(Fraction(2)).vector.tolist() == [2, 15]
    assert look(Fraction(5, 2)).vector.tolist() == [3, 17.5]
    assert look(Fraction(9)).vector.tolist() == [4, 20]
    assert look(Fraction(2)).strength == 1


def test_strength_has_keyframes_of_its_own():
    look = timeline("0=wave@0.2", "1=@1", "2=scream", "3=@0")
    assert [look(Fraction(n, 2)).strength for n in range(7)] == pytest.approx(
        [0.2, 0.6, 1, 0.75, 0.5, 0.25, 0]
    )
    assert look(Fraction(1)).vector.tolist() == [2, 15]


def test_what_is_not_set_at_the_beginning_begins_as_the_clip():
    look = timeline("2=scream@0.5", vector=FIRST, strength=1.0, vectors=(SECOND,))
    assert look(Fraction(0)).vector.tolist() == [0, 10]
    assert look(Fraction(1)).vector.tolist() == [2, 15]
    assert [look(Fraction(n)).strength for n in range(4)] == [1, 0.75, 0.5, 0.5]


def test_easings():
    hold = timeline("0=wave", "2=scream", ease="hold")
    assert hold(Fraction(199, 100)).vector.tolist() == [0, 10]
    assert hold(Fraction(2)).vector.tolist() == [4, 20]
    for name, ease in EASINGS.items():
        assert ease(0.0) == 0, name
    smooth = EASINGS["smooth"]
    assert (smooth(0.5), smooth(1.0)) == (0.5, 1)
    assert smooth(0.01) < 0.001


def test_no_keyframes_are_one_look():
    look = Timeline((), (), vector=FIRST, strength=0.3, ease="linear")(Fraction(7))
    assert look.vector is FIRST
    assert look.strength == 0.3


@pytest.mark.parametrize(
    "order", [[0, 1, 2, 3], [0, 3, 1, 2, 6, 4, 5], [0, 4, 2, 1, 3, 8, 6, 5, 7]]
)
def test_packets_are_decoded_in_order_and_in_time(order):
    ticks = [0, 40, 41, 300, 310, 311, 900, 901, 2000][: len(order)]
    decoded = decoding_ticks(ticks, order)
    assert len(decoded) == len(order)
    assert all(a < b for a, b in pairwise(decoded))
    assert all(at <= ticks[number] for at, number in zip(decoded, order, strict=True))
