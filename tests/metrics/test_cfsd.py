"""CFSD against SciPy."""

import numpy as np
import pytest
import scipy.spatial
import scipy.special
import scipy.stats
import torch

from helpers.metric_inputs import features
from impasto.metrics.cfsd import cfsd


def cfsd_by_scipy(result, content):
    """KL(content ‖ result) of each row, added up, in float64."""
    rows = []
    for picture in (result, content):
        vectors = picture.flatten(1).numpy().T.astype(np.float64) / picture.shape[0]
        rows.append(vectors @ vectors.T)
    result_log, content_log = (scipy.special.log_softmax(matrix, axis=1) for matrix in rows)
    return scipy.special.rel_entr(np.exp(content_log), np.exp(result_log)).sum()


@pytest.mark.parametrize("scale", [1.0, 10.0, 60.0])
@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
def test_cfsd_matches_scipy(scale, dtype):
    one, other = scale * features(3), scale * features(4)
    expected = [cfsd_by_scipy(one[i], other[i]) for i in range(2)]
    found = cfsd(one.to(dtype), other.to(dtype))
    torch.testing.assert_close(
        found.double(), torch.tensor(expected, dtype=torch.float64), rtol=2e-4, atol=1e-12
    )


def test_cfsd_is_exact_where_rounding_ruins_the_plain_form(monkeypatch):
    one = features(3, channels=8, height=30, width=40)[:1]
    near = one + 1e-3 * features(4, channels=8, height=30, width=40)[:1]
    expected = cfsd_by_scipy(near[0], one[0])
    result_log, content_log = (
        (x[0].flatten(1).float().mT / 8 @ x[0].flatten(1).float() / 8).log_softmax(1)
        for x in (near, one)
    )
    plain_form = (content_log.exp() * (content_log - result_log)).sum().item()
    assert abs(plain_form / expected - 1) > 0.1
    for rows in (7, 512):
        monkeypatch.setattr("impasto.metrics.cfsd._ROWS_PER_CHUNK", rows)
        assert cfsd(near.float(), one.float()).item() == pytest.approx(expected, rel=1e-3)


def test_cfsd_depends_on_structure_not_position():
    one = features(3)
    shuffle = torch.randperm(63, generator=torch.Generator().manual_seed(1))

    def moved(x):
        return x.flatten(2)[..., shuffle].view_as(x)

    torch.testing.assert_close(cfsd(moved(one), moved(features(4))), cfsd(one, features(4)))
    mirrored = -one  # every similarity as before
    torch.testing.assert_close(cfsd(mirrored, one), torch.zeros(2, dtype=one.dtype))
