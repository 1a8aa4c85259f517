"""Optical flow: a shift is found, in any number of threads."""

import cv2
import pytest
import torch

from helpers.videos import panned, uniform
from impasto.metrics.optical_flow import optical_flow, optical_flows


@pytest.mark.parametrize("step", [(3, 0), (0, -3), (-3, 3)])
def test_the_flow_of_a_shift_is_found(step):
    first, second = panned(2, step, (96, 128))
    found = optical_flow(first, second)
    assert found.shape == (1, 2, 96, 128)
    off = (found - uniform(*step, (96, 128))).norm(dim=1)[0]
    assert off[8:-8, 8:-8].max() < 0.3
    assert off.median() < 0.05


def test_the_flow_does_not_depend_on_threads():
    first, second = panned(2, (2, 1), (32, 40))
    before, found = cv2.getNumThreads(), []
    try:
        for threads in (1, 3):
            cv2.setNumThreads(threads)
            found.append(optical_flow(first, second))
            assert cv2.getNumThreads() == threads
    finally:
        cv2.setNumThreads(before)
    assert torch.equal(*found)


def test_several_pairs_have_the_flows_of_each():
    first, second = panned(2, (2, 1), (32, 40))
    forward, backward = optical_flows([(first, second), (second, first)], preset="fast")
    assert torch.equal(forward, optical_flow(first, second, preset="fast"))
    assert torch.equal(backward, optical_flow(second, first, preset="fast"))
    assert not torch.equal(forward, backward)
