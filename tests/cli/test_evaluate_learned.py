"""``impasto evaluate`` with LPIPS, FID and ArtFID."""

import json
import re

import numpy as np
import pytest
import torch

from helpers.results_to_evaluate import write_one_method
from impasto import images
from impasto.cli.main import run
from impasto.metrics.fid import frechet_distance
from impasto.metrics.lpips import lpips, open_lpips
from impasto.weights import store
from impasto.weights.open import open_metric_net
from impasto.weights.records import WEIGHTS


@pytest.fixture(scope="module")
def world(tmp_path_factory):
    return write_one_method(tmp_path_factory.mktemp("world"))


def words(world, *further, results="out"):
    where = ["--content", str(world / "photos"), "--style", str(world / "paintings")]
    return ["evaluate", str(world / results), *where, *further]


def test_all_learned_metrics_are_reported(world, kept, capsys):
    assert run(words(world, "--metrics", "lpips,fid,artfid", "--json")) == 0
    report = json.loads(capsys.readouterr().out)
    rows, means = report["pictures"], report["methods"]["out"]
    assert set(report["metrics"]) == {"lpips", "lpips-alexnet", "fid", "artfid"}
    result, content = (images.read(rows[0][k]).tensor for k in ("result", "content_file"))
    for name, net in (("lpips", "vgg16"), ("lpips-alexnet", "alexnet")):
        expected = lpips(result, content, open_lpips(net)).item()
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
    output = capsys.readouterr().out
    assert re.search(r"artfid +[\d.]+ +– +lower", output)
    assert "fid " not in output.replace("artfid ", "")


def test_available_metrics_are_the_default(world, kept, capsys):
    for name in ("vgg16", "alexnet"):
        assert store.locate(name)
    assert run(words(world, "--json")) == 0
    report = json.loads(capsys.readouterr().out)["methods"]["out"]
    assert {"lpips", "lpips-alexnet", "fid", "artfid", "ssim"} <= set(report)
    # A single result has no set; unasked, that is no mistake.
    assert run(words(world, "--json", results="out/cat-sea.png")) == 0
    (report,) = json.loads(capsys.readouterr().out)["methods"].values()
    assert "lpips" in report
    assert "fid" not in report


def test_without_weights_they_are_left_out(world, empty, capsys):
    assert run(words(world, "--json")) == 0
    report = json.loads(capsys.readouterr().out)["methods"]["out"]
    assert "ssim" in report
    assert not {"lpips", "lpips-alexnet", "fid", "artfid"} & set(report)


@pytest.mark.parametrize(
    ("metric", "weight"),
    [("lpips", "lpips-vgg16"), ("artfid", "art-inception"), ("fid", "art-inception")],
)
def test_asked_for_without_a_network(metric, weight, world, empty, capsys):
    assert run(words(world, "--metrics", metric)) == 2
    output = capsys.readouterr().err
    assert len(output.strip().splitlines()) == 1
    assert WEIGHTS[weight].urls[0] in output
    assert f"impasto models add {weight} FILE" in output


def test_a_set_of_one_is_refused_before_anything_is_fetched(world, empty, capsys):
    assert run(words(world, "--metrics", "fid,tv", results="out/cat-sea.png")) == 2
    output = capsys.readouterr().err
    assert output.startswith("impasto: --metrics fid needs at least 2 results of a method")
    assert len(output.strip().splitlines()) == 1
