"""LPIPS, FID and ArtFID: nets, weights, formulae, and ``impasto evaluate`` with them."""

import dataclasses
import hashlib
import io
import json
import re

import numpy as np
import pytest
import scipy.linalg
import torch
import torch.nn.functional as F

from conftest import random_encoder, smooth_picture
from impasto import downloads, images, weights
from impasto.alexnet import AlexNet
from impasto.cli.main import run
from impasto.encoders import VGG16
from impasto.errors import ImageError, InputDataError, OptionError, WeightsError
from impasto.evaluation.matching import Match
from impasto.evaluation.sets import Sets
from impasto.evaluation.tables import Judged
from impasto.inception import Inception
from impasto.metrics.lpips import Perceiver, lpips, open_perceiver
from impasto.metrics.sets import SET_METRICS, art_fid, frechet_distance
from impasto.metrics.table import METRICS, at_hand, chosen
from impasto.models import open_metric_net
from impasto.painting import describe_sources
from impasto.weights import WEIGHTS
from test_downloads import serving, unused_url

LEARNED = ("vgg16", "lpips-vgg16", "alexnet", "lpips-alexnet", "art-inception")
SHIFT, SCALE = (-0.030, -0.088, -0.188), (0.458, 0.448, 0.450)  # of lpips' own scaling layer


def random_state(net):
    """The weights of a net of ours, drawn so that deep layers still differ between pictures."""
    random = torch.Generator().manual_seed(1)
    for name, value in net.state_dict().items():
        if value.ndim == 4:
            value.normal_(std=(2 / value[0].numel()) ** 0.5, generator=random)
        elif "var" not in name and "weight" not in name:
            value.normal_(std=0.05, generator=random)
    return net.state_dict()


def published_vgg16():
    state = random_encoder(VGG16).convolutions.state_dict()
    layers = VGG16.layers
    return {
        f"features.{layers.index(key.partition('.')[0])}.{key.partition('.')[2]}": value
        for key, value in state.items()
    }


def published_linear(name):
    random = torch.Generator().manual_seed(2)
    return {
        f"lin{i}.model.1.weight": torch.rand(1, width, 1, 1, generator=random)
        for i, width in enumerate(WEIGHTS[name].widths)
    }


def pickled(content):
    buffer = io.BytesIO()
    torch.save(content, buffer)
    return buffer.getvalue()


@pytest.fixture(scope="module")
def published():
    """What publishers offer, made up: name → what the file holds."""
    spare = {
        "fc1.weight": torch.zeros(2),
        "AuxLogits1.conv0.bn.num_batches_tracked": torch.tensor(1),
    }
    return {
        "vgg16": published_vgg16(),
        "lpips-vgg16": published_linear("lpips-vgg16"),
        "alexnet": random_state(AlexNet()),
        "lpips-alexnet": published_linear("lpips-alexnet"),
        "art-inception": random_state(Inception()) | spare,
    }


@pytest.fixture(scope="module")
def _kept(published, tmp_path_factory):
    """A cache with all of it, added by hand."""
    folder = tmp_path_factory.mktemp("learned")
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("IMPASTO_CACHE", str(folder / "cache"))
        for name, state in published.items():
            file = folder / f"{name}.pth"
            file.write_bytes(pickled(state))
            digest = hashlib.sha256(file.read_bytes()).hexdigest()
            record = dataclasses.replace(WEIGHTS[name], sha256=digest, bytes=0)
            patch.setitem(WEIGHTS, name, record)
            weights.add(name, file)
            file.unlink()
        return folder / "cache", {name: WEIGHTS[name] for name in LEARNED}


@pytest.fixture
def kept(_kept, monkeypatch):
    monkeypatch.setenv("IMPASTO_CACHE", str(_kept[0]))
    for name, record in _kept[1].items():
        monkeypatch.setitem(WEIGHTS, name, record)
    return _kept[0]


@pytest.fixture
def empty(monkeypatch, tmp_path):
    """Nothing at hand, and nobody answers."""
    monkeypatch.setenv("IMPASTO_CACHE", str(tmp_path / "empty"))
    monkeypatch.setenv("no_proxy", "127.0.0.1")
    monkeypatch.setattr(downloads, "PAUSE", 0.0)
    for name in LEARNED:
        record = dataclasses.replace(WEIGHTS[name], urls=(unused_url(),))
        monkeypatch.setitem(WEIGHTS, name, record)


# --- LPIPS ----------------------------------------------------------------------------------------


def scaled(picture):
    """As lpips' scaling layer makes it, of [0, 1]."""
    shift, scale = (torch.tensor(v, dtype=torch.float64).view(3, 1, 1) for v in (SHIFT, SCALE))
    return (2 * picture.double() - 1 - shift) / scale


def vgg16_by_hand(state, picture):
    """The outputs of five rectifiers, counted as torchvision counts layers."""
    x, found = scaled(picture), []
    for index in range(30):
        if f"features.{index}.weight" in state:
            weight, bias = (state[f"features.{index}.{p}"].double() for p in ("weight", "bias"))
            x = F.conv2d(x, weight, bias, padding=1).clamp_min(0)
            found.append((index + 1, x))
        elif index in (4, 9, 16, 23):
            x = F.max_pool2d(x, 2)
    return [x for index, x in found if index in (3, 8, 15, 22, 29)]


def alexnet_by_hand(state, picture):
    x, found = scaled(picture), []
    for index, stride, padding in ((0, 4, 2), (3, 1, 2), (6, 1, 1), (8, 1, 1), (10, 1, 1)):
        x = F.max_pool2d(x, 3, 2) if index in (3, 6) else x
        weight, bias = (state[f"features.{index}.{p}"].double() for p in ("weight", "bias"))
        x = F.conv2d(x, weight, bias, stride, padding).clamp_min(0)
        found.append(x)
    return found


def lpips_by_hand(features, others, linear):
    """Position by position, channel by channel."""
    total = 0.0
    for number, (one, other) in enumerate(zip(features, others, strict=True)):
        a, b = (x[0].flatten(1).T.numpy() for x in (one, other))
        weight = linear[f"lin{number}.model.1.weight"].flatten().double().numpy()
        total += np.mean(
            [
                sum(weight * (p / np.linalg.norm(p) - q / np.linalg.norm(q)) ** 2)
                for p, q in zip(a, b, strict=True)
            ]
        )
    return total


@pytest.mark.parametrize(
    ("net", "by_hand"), [("vgg16", vgg16_by_hand), ("alexnet", alexnet_by_hand)]
)
def test_lpips_by_hand(net, by_hand, kept, published):
    one, other = smooth_picture(40, 52, seed=1), smooth_picture(40, 52, seed=2)
    found = lpips(one, other, open_perceiver(net))
    seen = [by_hand(published[net], picture) for picture in (one, other)]
    assert [x.shape[1] for x in seen[0]] == list(WEIGHTS[f"lpips-{net}"].widths)
    expected = lpips_by_hand(*seen, published[f"lpips-{net}"])
    assert found.item() == pytest.approx(expected, rel=1e-5)


def test_lpips_scales_as_imagenet_does(encoder):
    """Shift and scale of its pictures in [−1, 1] are 2 μ − 1 and 2 σ."""
    mean, std = (np.array(v) for v in (VGG16.mean, VGG16.std))
    np.testing.assert_allclose(2 * mean - 1, SHIFT, atol=1e-15)
    np.testing.assert_allclose(2 * std, SCALE, atol=1e-15)
    picture = smooth_picture(20, 20, seed=1)
    torch.testing.assert_close(
        encoder.normalise(picture), scaled(picture).float(), atol=5e-7, rtol=1e-6
    )


def test_lpips_of_features_that_are_all_zero_is_a_number():
    zeros = [torch.zeros(1, 2, 3, 3)]
    perceiver = Perceiver(lambda picture: zeros, [torch.ones(1, 2, 1, 1)])
    assert lpips(torch.zeros(1, 3, 9, 9), torch.ones(1, 3, 9, 9), perceiver).item() == 0


def test_lpips_refuses_what_it_cannot_compare(kept):
    perceiver = open_perceiver("alexnet")
    with pytest.raises(OptionError, match="same size"):
        lpips(torch.zeros(1, 3, 40, 40), torch.zeros(1, 3, 40, 41), perceiver)
    small = torch.zeros(1, 3, 40, 30)
    with pytest.raises(ImageError, match=r"30×40 px is too small for AlexNet: .* at least 31 px"):
        lpips(small, small, perceiver)
    least = torch.zeros(1, 3, 31, 31)
    assert lpips(least, least, perceiver).item() == 0


# --- The Fréchet distance -------------------------------------------------------------------------


def by_sqrtm(first, second):
    """As FID's programs compute it."""
    one, other = (np.cov(x, rowvar=False) for x in (first, second))
    root = scipy.linalg.sqrtm(one @ other).real
    change = first.mean(0) - second.mean(0)
    return change @ change + np.trace(one + other - 2 * root)


def vectors(seed, count, width, shift=0.0):
    random = np.random.default_rng(seed)
    return random.normal(size=(count, width)) @ random.normal(size=(width, width)) + shift


@pytest.mark.parametrize("counts", [(40, 60), (40, 13), (12, 11)])
def test_frechet_distance_is_that_of_sqrtm(counts):
    one, other = (vectors(i, n, 10, 0.3 * i) for i, n in enumerate(counts))
    expected = by_sqrtm(one, other)
    found = frechet_distance(torch.from_numpy(one), torch.from_numpy(other))
    assert found == pytest.approx(expected, rel=1e-9)
    single = frechet_distance(torch.from_numpy(one).float(), torch.from_numpy(other).float())
    assert single == pytest.approx(expected, rel=1e-5)


def test_frechet_distance_of_gaussians_on_a_line():
    """(μ − μ′)² + (σ − σ′)²; and the sum of such along axes."""
    plain = torch.tensor([-1.0, 0.0, 1.0])[:, None]  # mean 0, deviation 1
    assert frechet_distance(2 + 3 * plain, -1 + 0.5 * plain) == pytest.approx(3**2 + 2.5**2)
    axes = torch.tensor([[1.0, 0], [-1, 0], [0, 1], [0, -1]]) * 1.5**0.5  # identity
    scales, others = torch.tensor([2.0, 5.0]), torch.tensor([3.0, 1.0])
    assert frechet_distance(axes * scales, axes * others) == pytest.approx(1 + 16)


def test_frechet_distance_of_fewer_pictures_than_features():
    """There the product is singular; two tight pairs are as far apart as their means."""
    one, other = vectors(1, 5, 300), vectors(2, 4, 300)
    found = frechet_distance(torch.from_numpy(one), torch.from_numpy(other))
    wide = [np.pad(x - x.mean(0), ((0, 0), (0, 0))) / (len(x) - 1) ** 0.5 for x in (one, other)]
    small = wide[0] @ wide[1].T  # its squared singular values are the product's eigenvalues
    root = np.sqrt(np.linalg.eigvalsh(small @ small.T).clip(0)).sum()
    change = one.mean(0) - other.mean(0)
    expected = change @ change + sum(np.square(x).sum() for x in wide) - 2 * root
    assert found == pytest.approx(expected)
    assert frechet_distance(torch.from_numpy(one), torch.from_numpy(one)) == pytest.approx(
        0, abs=1e-8
    )


@pytest.mark.parametrize("count", [0, 1])
def test_a_set_has_at_least_two_pictures(count):
    few, enough = torch.zeros(count, 4), torch.zeros(3, 4)
    for sides in ((few, enough), (enough, few)):
        with pytest.raises(InputDataError, match=f"at least 2 pictures, not {count}"):
            frechet_distance(*sides)


def test_art_fid():
    assert art_fid(3.0, 0.5) == 6.0
    assert SET_METRICS["artfid"].function(3.0, 0.5) == 6.0
    assert SET_METRICS["fid"].function(3.0, 0.5) == 3.0


# --- Inception ------------------------------------------------------------------------------------


def test_inception_is_named_and_shaped_as_torchvisions():
    with torch.device("meta"):
        state = Inception().state_dict()
    # 27,161,264 parameters in all, of which 3,326,696 in AuxLogits and 2,049,000 in fc.
    parameters = {k: v for k, v in state.items() if "running" not in k}
    assert sum(value.numel() for value in parameters.values()) == 21_785_568
    assert len(parameters) == 3 * 94
    for name, shape in {
        "Conv2d_1a_3x3.conv.weight": (32, 3, 3, 3),
        "Conv2d_4a_3x3.bn.running_var": (192,),
        "Mixed_5b.branch_pool.conv.weight": (32, 192, 1, 1),
        "Mixed_5d.branch5x5_2.conv.weight": (64, 48, 5, 5),
        "Mixed_6a.branch3x3.conv.weight": (384, 288, 3, 3),
        "Mixed_6b.branch7x7dbl_2.conv.weight": (128, 128, 7, 1),
        "Mixed_6e.branch7x7_2.conv.weight": (192, 192, 1, 7),
        "Mixed_7a.branch7x7x3_4.conv.weight": (192, 192, 3, 3),
        "Mixed_7c.branch3x3dbl_3b.conv.weight": (384, 384, 3, 1),
        "Mixed_7c.branch_pool.bn.bias": (192,),
    }.items():
        assert state[name].shape == shape, name


def test_inception_sees_each_picture_by_itself(kept):
    net = open_metric_net("art-inception")
    assert not net.training
    assert not any(p.requires_grad for p in net.parameters())
    pair = torch.cat([smooth_picture(75, 90, seed=1), smooth_picture(75, 90, seed=2)])
    features = net(pair)
    assert features.shape == (2, 2048)
    assert torch.equal(features, net(pair))
    torch.testing.assert_close(net(pair[1:]), features[1:], atol=1e-5, rtol=1e-4)
    assert torch.equal(net.train()(pair), features)  # nothing in it is random or the batch's
    with pytest.raises(ImageError, match=r"90×74 px is too small for Inception-v3: .* 75 px"):
        net(pair[..., :74, :])


def test_opening_a_net_draws_no_random_numbers(kept):
    before = torch.get_rng_state()
    open_metric_net("alexnet")
    assert torch.equal(torch.get_rng_state(), before)


# --- Weights --------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", LEARNED)
def test_every_record_can_be_checked(name):
    record = WEIGHTS[name]
    assert len(record.sha256) == 64
    assert record.source == "download"
    assert record.kind == ("encoder" if name == "vgg16" else "metric")
    digits = re.search(r"-([0-9a-f]{8})\.pth$", record.urls[0])
    assert digits is None or record.sha256.startswith(digits[1])


def test_linear_weights_are_fetched_checked_and_kept(empty, monkeypatch, capsys):
    state = published_linear("lpips-vgg16")
    with serving(pickled(state)) as server:
        digest = hashlib.sha256(server.body).hexdigest()
        record = dataclasses.replace(
            WEIGHTS["lpips-vgg16"], urls=(server.url,), sha256=digest, bytes=len(server.body)
        )
        monkeypatch.setitem(WEIGHTS, "lpips-vgg16", record)
        assert run(["models", "fetch", "lpips-vgg16"]) == 0
        assert run(["models", "verify", "lpips-vgg16"]) == 0
        kept = weights.load_tensors("lpips-vgg16")
        assert len(server.ranges) == 1
    assert list(kept) == [f"layer{i}" for i in range(5)]
    for mine, theirs in zip(kept.values(), state.values(), strict=True):
        assert torch.equal(mine, theirs)
    path = weights.locate("lpips-vgg16")
    content = bytearray(path.read_bytes())
    content[-1] ^= 1
    path.write_bytes(content)
    assert run(["models", "verify", "lpips-vgg16"]) == 1
    assert "models fetch lpips-vgg16" in capsys.readouterr().out


@pytest.mark.parametrize(
    ("name", "change", "message"),
    [
        ("lpips-vgg16", {"lin4.model.1.weight": None}, "it is no set of linear weights of LPIPS"),
        ("lpips-vgg16", {"lin0.model.1.weight": torch.ones(1, 9, 1, 1)}, r"expected \(1, 64, 1"),
        ("alexnet", {"features.0.bias": torch.full((64,), torch.inf)}, "not finite"),
        ("art-inception", {"Mixed_7c.branch_pool.bn.bias": None}, "it is no Inception-v3"),
    ],
)
def test_another_file_is_refused(name, change, message, published, tmp_path, monkeypatch):
    monkeypatch.setenv("IMPASTO_CACHE", str(tmp_path / "cache"))
    state = {k: v for k, v in {**published[name], **change}.items() if v is not None}
    file = tmp_path / "other.pth"
    file.write_bytes(pickled(state))
    digest = hashlib.sha256(file.read_bytes()).hexdigest()
    record = dataclasses.replace(WEIGHTS[name], sha256=digest)
    with pytest.raises(WeightsError, match=message):
        weights.add(record, file)
    assert weights.locate(record) is None


def test_what_is_kept_can_be_added_elsewhere(kept, tmp_path, monkeypatch):
    file = weights.locate("lpips-vgg16")
    monkeypatch.setenv("IMPASTO_CACHE", str(tmp_path))
    assert weights.add("lpips-vgg16", file).read_bytes() == file.read_bytes()
    assert weights.verify("lpips-vgg16").state == "good"
    with pytest.raises(WeightsError, match="was not made by Impasto"):
        weights.add("lpips-alexnet", file)


# --- Which metrics there are ----------------------------------------------------------------------


def test_what_is_at_hand(kept, tmp_path, monkeypatch):
    assert at_hand() == [*METRICS, *SET_METRICS]
    monkeypatch.setenv("IMPASTO_CACHE", str(tmp_path))
    assert at_hand() == [name for name, metric in METRICS.items() if metric.open is None]
    for name in ("vgg16", "lpips-vgg16", "art-inception"):
        (tmp_path / f"{name}.safetensors").touch()
    assert [n for n in at_hand() if n in ("lpips", "lpips-alexnet", *SET_METRICS)] == [
        "lpips", "fid"
    ]  # fmt: skip


def test_a_set_names_what_it_takes_the_mean_of():
    assert chosen(["fid", "tv", "tv"]) == (["tv"], ["fid"])
    assert chosen(["artfid"]) == (["lpips-alexnet"], ["artfid"])
    with pytest.raises(OptionError, match="Did you mean 'lpips'"):
        chosen(["lpip"])


# --- impasto evaluate -----------------------------------------------------------------------------


@pytest.fixture(scope="module")
def world(tmp_path_factory):
    """Three results of two contents and two styles, one of which is used twice."""
    folder = tmp_path_factory.mktemp("world")
    for place, seeds in (
        ("photos/cat", 1),
        ("photos/dog", 2),
        ("paintings/sea", 3),
        ("paintings/sky", 4),
    ):
        images.write(folder / f"{place}.png", smooth_picture(80, 96, seed=seeds))
    for content, style in (("cat", "sea"), ("dog", "sea"), ("dog", "sky")):
        one, other = (
            images.read(folder / place).tensor
            for place in (f"photos/{content}.png", f"paintings/{style}.png")
        )
        told = describe_sources(f"{content}.png", [f"{style}.png"], None)
        path = folder / "out" / f"{content}-{style}.png"
        images.write(path, torch.lerp(one, other, 0.4), metadata=told)
    return folder


def words(world, *further, results="out"):
    where = ["--content", str(world / "photos"), "--style", str(world / "paintings")]
    return ["evaluate", str(world / results), *where, *further]


def test_all_learned_metrics_are_told(world, kept, capsys):
    assert run(words(world, "--metrics", "lpips,fid,artfid", "--json")) == 0
    report = json.loads(capsys.readouterr().out)
    rows, means = report["pictures"], report["methods"]["out"]
    assert set(report["metrics"]) == {"lpips", "lpips-alexnet", "fid", "artfid"}
    result, content = (images.read(rows[0][k]).tensor for k in ("result", "content_file"))
    for name, net in (("lpips", "vgg16"), ("lpips-alexnet", "alexnet")):
        expected = lpips(result, content, open_perceiver(net)).item()
        assert rows[0][name] == pytest.approx(expected, rel=1e-4)
        assert means[name]["mean"] == pytest.approx(np.mean([row[name] for row in rows]))
    assert "fid" not in rows[0]
    net = open_metric_net("art-inception")
    sets = [
        torch.cat([net(images.read(row[side]).tensor) for row in rows])
        for side in ("result", "style_file")  # of three rows, two have the same style
    ]
    expected = frechet_distance(*sets)
    assert expected > 0
    assert means["fid"] == {"mean": pytest.approx(expected, rel=1e-4), "low": None, "high": None}
    expected = (1 + means["lpips-alexnet"]["mean"]) * (1 + means["fid"]["mean"])
    assert means["artfid"]["mean"] == pytest.approx(expected)


def test_the_table_shows_sets_without_an_interval(world, kept, capsys):
    assert run(words(world, "--metrics", "artfid", "--quiet")) == 0
    told = capsys.readouterr().out
    assert re.search(r"artfid +[\d.]+ +– +lower", told)
    assert "fid " not in told.replace("artfid ", "")


def test_metrics_at_hand_are_told_unasked(world, kept, capsys):
    for name in ("vgg16", "alexnet"):
        assert weights.locate(name)
    assert run(words(world, "--json")) == 0
    told = json.loads(capsys.readouterr().out)["methods"]["out"]
    assert {"lpips", "lpips-alexnet", "fid", "artfid", "ssim"} <= set(told)
    # A single result has no set; unasked, that is no mistake.
    assert run(words(world, "--json", results="out/cat-sea.png")) == 0
    (told,) = json.loads(capsys.readouterr().out)["methods"].values()
    assert "lpips" in told
    assert "fid" not in told


def test_without_weights_they_are_left_out(world, empty, capsys):
    assert run(words(world, "--json")) == 0
    told = json.loads(capsys.readouterr().out)["methods"]["out"]
    assert "ssim" in told
    assert not {"lpips", "lpips-alexnet", "fid", "artfid"} & set(told)


@pytest.mark.parametrize(
    ("metric", "weight"),
    [("lpips", "lpips-vgg16"), ("artfid", "art-inception"), ("fid", "art-inception")],
)
def test_asked_for_without_a_network(metric, weight, world, empty, capsys):
    assert run(words(world, "--metrics", metric)) == 2
    told = capsys.readouterr().err
    assert len(told.strip().splitlines()) == 1
    assert WEIGHTS[weight].urls[0] in told
    assert f"impasto models add {weight} FILE" in told


def test_a_set_of_one_is_refused_before_anything_is_fetched(world, empty, capsys):
    assert run(words(world, "--metrics", "fid,tv", results="out/cat-sea.png")) == 2
    told = capsys.readouterr().err
    assert told.startswith("impasto: --metrics fid needs at least 2 results of a method")
    assert len(told.strip().splitlines()) == 1


def test_methods_are_told_apart_and_large_results_made_smaller(world, kept, tmp_path):
    match = Match(world / "photos/cat.png", world / "paintings/sea.png")
    large = tmp_path / "large.png"
    images.write(large, images.resize(images.read(world / "out/cat-sea.png").tensor, (160, 192)))
    sets = Sets(["fid"], size=96)
    paths = [world / "out/cat-sea.png", world / "out/dog-sea.png", large]
    assert [sets(path, match) for path in paths] == [{}, {}, {}]
    rows = [Judged(m, p, match, {}) for m, p in zip("aab", paths, strict=True)]
    assert set(sets.figures(rows)) == {"a"}
    rows[2] = Judged("a", large, match, {})
    assert set(sets.figures(rows)) == {"a"}
    with pytest.raises(ImageError, match="too small for Inception-v3"):
        Sets(["fid"], size=64)(large, match)
