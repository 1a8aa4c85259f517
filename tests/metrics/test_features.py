"""Content, Gram and moments errors, recomputed with NumPy."""

import numpy as np
import pytest

from helpers.metric_inputs import features
from impasto.errors import OptionError
from impasto.metrics.cfsd import cfsd
from impasto.metrics.features import content_error, gram_error, moments_error


def test_content_gram_and_moments_by_hand():
    one, other = features(1), features(2)
    for index in range(2):
        f, p = (side[index].flatten(1).numpy() for side in (one, other))
        expected = np.square(f - p).sum() / np.square(p).sum()
        assert content_error(one, other)[index].item() == pytest.approx(expected)
        g, a = (x @ x.T / x.shape[1] for x in (f, p))
        expected = np.square(g - a).sum() / np.square(a).sum()
        assert gram_error(one, other)[index].item() == pytest.approx(expected)
        change = np.square(f.mean(1) - p.mean(1)).sum() + np.square(f.std(1) - p.std(1)).sum()
        expected = change / (np.square(p.mean(1)).sum() + np.square(p.std(1)).sum())
        assert moments_error(one, other)[index].item() == pytest.approx(expected, rel=2e-3)


def test_styles_may_have_any_size_and_contents_not():
    one, other = features(1), features(2, height=4, width=20)
    assert gram_error(one, other).shape == (2,)
    assert moments_error(one, other).shape == (2,)
    for function in (content_error, cfsd):
        with pytest.raises(OptionError, match="same size"):
            function(one, other)
