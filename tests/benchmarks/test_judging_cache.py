"""Pictures and figures are made once, and again when what they depend on changes."""

from dataclasses import replace

import pytest
import torch

from helpers.random_inputs import smooth_picture
from impasto.images.picture import Picture
from impasto.training.validation import Pair
from judging.cache import Cache
from judging.judges import Judge
from judging.methods import Method
from judging.pairs import pair_digest


class Counted:
    """A painter and a judge that count their calls."""

    def __init__(self):
        self.painted = self.judged = 0

    def method(self, name, identity=""):
        def paint(pair):
            self.painted += 1
            return 1 - pair.content.tensor

        return Method(name, identity or name, paint)

    def judge(self, identity):
        def measure(painted, pair):
            self.judged += 1
            return {"mean": float(painted.mean())}

        return Judge("mean", identity, ("mean",), measure)


def new_pair(seed=1, name=""):
    pictures = (Picture(smooth_picture(24, 30, seed=seed + i)) for i in range(2))
    return Pair(*pictures, name)


@pytest.fixture
def cache(tmp_path):
    return Cache(tmp_path / "cache")


def test_a_picture_is_painted_once_and_the_same_from_the_file(cache):
    counted, pair = Counted(), new_pair()
    first, again = (cache.paint(counted.method("a"), pair) for _ in range(2))
    assert counted.painted == 1
    assert torch.equal(first.picture, again.picture)
    assert first.seconds == again.seconds > 0
    expected = (255 * (1 - pair.content.tensor)).round() / 255
    torch.testing.assert_close(first.picture, expected, atol=1e-6, rtol=0)


def test_another_method_costs_only_its_own_pictures(cache):
    counted, pairs = Counted(), [new_pair(1), new_pair(2)]
    for names in (["a"], ["a", "b"], ["b", "a"]):
        for name in names:
            for pair in pairs:
                cache.paint(counted.method(name), pair)
    assert counted.painted == 4


def test_other_weights_or_pictures_are_painted_anew(cache):
    counted, pair = Counted(), new_pair()
    cache.paint(counted.method("a"), pair)
    cache.paint(counted.method("another name", identity="a"), pair)
    assert counted.painted == 1
    cache.paint(counted.method("a", identity="a, trained further"), pair)
    changed = pair.style.tensor.clone()
    changed[0, 0, 3, 3] += 0.001
    cache.paint(counted.method("a"), replace(pair, style=Picture(changed)))
    cache.paint(counted.method("a"), replace(pair, name="wave"))
    assert counted.painted == 4


def test_figures_are_kept_by_pixels_pair_and_judge(cache):
    counted, pair = Counted(), new_pair()
    picture = cache.paint(counted.method("a"), pair).picture
    for _ in range(2):
        found = cache.figures(counted.judge("one"), picture, pair)
        assert found == {"mean": pytest.approx(picture.mean().item())}
    assert counted.judged == 1
    cache.figures(counted.judge("two"), picture, pair)
    cache.figures(counted.judge("one"), 1 - picture, pair)
    cache.figures(counted.judge("one"), picture, new_pair(5))
    assert counted.judged == 4


def test_what_fails_is_not_kept(cache):
    def fail(pair):
        raise RuntimeError("stopped")

    with pytest.raises(RuntimeError, match="stopped"):
        cache.paint(Method("a", "a", fail), new_pair())
    counted = Counted()
    cache.paint(counted.method("a"), new_pair())
    assert counted.painted == 1


def test_the_digest_of_a_pair_tells_shapes_apart():
    pair = new_pair()
    turned = replace(pair, content=Picture(pair.content.tensor.reshape(1, 3, 30, 24)))
    digests = {pair_digest(each) for each in (pair, turned, replace(pair, name="x"), new_pair(3))}
    assert len(digests) == 4
    assert pair_digest(new_pair()) == pair_digest(pair)
