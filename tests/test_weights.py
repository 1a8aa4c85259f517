"""The registry of weights, on VGG-shaped records of a few kilobytes."""

from __future__ import annotations

import dataclasses
import hashlib
import io
import json
import os
import threading
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
import torch
from platformdirs import user_cache_path

from impasto import downloads, weights
from impasto.cli import models
from impasto.cli.main import _parser
from impasto.encoder_files import load_encoder, read_safetensors
from impasto.errors import ImpastoError, OptionError, WeightsError
from impasto.weights import WEIGHTS, WeightRecord
from test_downloads import FileServer, serving, unused_url

State = dict[str, Any]
Record = Callable[..., WeightRecord]

# Two convolutions of 4 channels, a pooling, one of 6: counted as torchvision counts.
SHAPES = {"features.0": (4, 3, 3, 3), "features.2": (4, 4, 3, 3), "features.5": (6, 4, 3, 3)}
NAMES = {"features.0": "conv1_1", "features.2": "conv1_2", "features.5": "conv2_1"}


def published_state() -> State:
    """What a publisher's file holds: the convolutions, and a classifier that is not wanted."""
    generator = torch.Generator().manual_seed(0)
    state: State = {"classifier.0.weight": torch.zeros(2, 2)}
    for key, shape in SHAPES.items():
        state[f"{key}.weight"] = torch.randn(shape, generator=generator)
        state[f"{key}.bias"] = torch.randn(shape[:1], generator=generator)
    return state


def pickled(content: object, *, legacy: bool = False) -> bytes:
    buffer = io.BytesIO()
    torch.save(content, buffer, _use_new_zipfile_serialization=not legacy)
    return buffer.getvalue()


@pytest.fixture(autouse=True)
def cache(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Path:
    monkeypatch.setenv("IMPASTO_CACHE", str(tmp_path / "cache"))
    monkeypatch.setenv("no_proxy", "127.0.0.1")
    monkeypatch.setattr(downloads, "PAUSE", 0.0)
    return tmp_path / "cache"


@pytest.fixture
def server() -> Iterator[FileServer]:
    with serving(pickled(published_state())) as server:
        yield server


@pytest.fixture
def record(server: FileServer) -> Record:
    """A function that makes the record of what the server has now."""

    def make(body: bytes | None = None, **changes: Any) -> WeightRecord:
        server.body = server.body if body is None else body
        fields = {
            "name": "tiny",
            "kind": "encoder",
            "urls": (server.url,),
            "sha256": hashlib.sha256(server.body).hexdigest(),
            "bytes": len(server.body),
            "licence": "none",
            "paper": "none",
            "value_range": "any",
            "widths": (4, 6),
            "depths": (2, 1),
        }
        return WeightRecord(**{**fields, **changes})

    return make


@pytest.fixture
def built_in(record: Record, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> WeightRecord:
    """A record whose file is in the package."""
    monkeypatch.setattr(weights, "EMBEDDED", tmp_path)
    weights.fetch(record()).rename(tmp_path / "inside.safetensors")
    return record(name="inside", urls=(), sha256="", bytes=0)


def kept_files(cache: Path) -> list[str]:
    """The files in the cache, locks aside."""
    return sorted(path.name for path in cache.rglob("*") if path.suffix not in ("", ".lock"))


# The table


@pytest.mark.parametrize("name", ["vgg16", "vgg19"])
def test_the_published_hashes_begin_with_the_digits_in_the_file_names(name: str) -> None:
    known = WEIGHTS[name]
    digits = known.urls[0].rsplit("-", 1)[1].removesuffix(".pth")
    assert known.sha256.startswith(digits)
    assert len(known.sha256) == 64


def test_every_record_is_found_by_its_name() -> None:
    assert all(known.name == name for name, known in WEIGHTS.items())
    assert WEIGHTS["compact"].source == "embedded"
    assert WEIGHTS["vgg19"].source == "download"


def test_an_unknown_name_lists_the_known_ones() -> None:
    with pytest.raises(
        OptionError, match=r"compact, vgg19, vgg16, any, multi, .*\. Did you mean 'vgg19'"
    ):
        weights.locate("vgg18")


def test_a_weight_is_not_fetched_on_trust(record: Record) -> None:
    with pytest.raises(OptionError, match="needs a SHA-256"):
        record(sha256="")


@pytest.mark.parametrize(
    ("name", "indices"),
    [
        ("vgg16", [0, 2, 5, 7, 10, 12, 14, 17, 19, 21, 24, 26, 28]),
        ("vgg19", [0, 2, 5, 7, 10, 12, 14, 16, 19, 21, 23, 25, 28, 30, 32, 34]),
    ],
)
def test_convolutions_lie_where_torchvision_has_them(
    record: Record, name: str, indices: list[int]
) -> None:
    state: State = {}
    for count, index in enumerate(indices):
        state[f"features.{index}.weight"] = torch.full((1, 1 if count else 3, 3, 3), float(count))
        state[f"features.{index}.bias"] = torch.zeros(1)
    known = WEIGHTS[name]
    assert sum(known.depths) == len(indices)
    weight = record(pickled(state), name=name, widths=(1,) * 5, depths=known.depths)
    tensors, _ = read_safetensors(weights.fetch(weight))
    names = [f"conv{b}_{i}" for b, depth in enumerate(known.depths, 1) for i in range(1, depth + 1)]
    assert [tensors[f"{name}.weight"].mean().item() for name in names] == list(range(len(indices)))


# Where things are


def test_the_cache_is_where_the_variable_says(cache: Path, record: Record) -> None:
    assert weights.cache_dir() == cache
    assert weights.fetch(record()) == cache / "tiny.safetensors"


def test_the_cache_is_the_platforms_otherwise(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("IMPASTO_CACHE")
    assert weights.cache_dir() == user_cache_path("impasto", appauthor=False)


def test_the_cache_may_be_below_home(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("IMPASTO_CACHE", "~/paint")
    assert weights.cache_dir() == Path.home() / "paint"


# Fetching


@pytest.mark.parametrize("legacy", [False, True])
def test_only_the_feature_part_is_kept(record: Record, cache: Path, legacy: bool) -> None:
    weight = record(pickled(published_state(), legacy=legacy))
    tensors, card = read_safetensors(weights.fetch(weight))
    expected = {
        f"{NAMES[key]}.{part}": published_state()[f"{key}.{part}"]
        for key in SHAPES
        for part in ("weight", "bias")
    }
    assert tensors.keys() == expected.keys()
    assert all(torch.equal(tensors[key], value) for key, value in expected.items())
    assert card["name"] == "tiny"
    assert card["source"] == weight.urls[0]
    assert card["source_sha256"] == weight.sha256
    assert kept_files(cache) == ["tiny.safetensors"]


def test_what_is_kept_is_an_encoder(record: Record) -> None:
    encoder = load_encoder(weights.fetch(record()))
    assert encoder.architecture.pooling == "max"
    assert encoder.architecture.padding == "zeros"
    state = published_state()
    image = torch.rand(1, 3, 8, 8, generator=torch.Generator().manual_seed(1))
    mean = torch.tensor([0.485, 0.456, 0.406]).view(1, 3, 1, 1)
    std = torch.tensor([0.229, 0.224, 0.225]).view(1, 3, 1, 1)
    expected = torch.nn.functional.conv2d(
        (image - mean) / std, state["features.0.weight"], state["features.0.bias"], padding=1
    )
    torch.testing.assert_close(encoder(image, ["conv1_1"])["conv1_1"], expected)


def test_half_precision_is_kept_as_float32(record: Record) -> None:
    state = {key: value.half() for key, value in published_state().items()}
    tensors, _ = read_safetensors(weights.fetch(record(pickled(state))))
    assert {tensor.dtype for tensor in tensors.values()} == {torch.float32}


def test_what_is_there_is_not_asked_for(record: Record, server: FileServer) -> None:
    assert weights.locate(record()) is None
    path = weights.ensure(record())
    assert weights.locate(record()) == weights.ensure(record()) == weights.fetch(record()) == path
    assert len(server.ranges) == 1


def test_force_fetches_again(record: Record, server: FileServer) -> None:
    weights.fetch(record())
    weights.fetch(record(), force=True)
    assert len(server.ranges) == 2


def test_a_broken_copy_is_fetched_again(record: Record) -> None:
    path = weights.fetch(record())
    path.write_bytes(b"broken")
    assert weights.fetch(record()) == path
    assert weights.verify(record()).state == "good"


def test_progress_reaches_the_end(record: Record, server: FileServer) -> None:
    told: list[tuple[int, int]] = []
    weights.ensure(record(), progress=lambda here, total: told.append((here, total)))
    assert told[-1] == (len(server.body), len(server.body))


def test_the_next_address_is_tried(record: Record, server: FileServer) -> None:
    weights.fetch(record(urls=(unused_url(), server.url)))
    assert len(server.ranges) == 1


def test_without_a_network_the_way_by_hand_is_told(record: Record) -> None:
    url = unused_url()
    with pytest.raises(WeightsError) as caught:
        weights.ensure(record(urls=(url,)))
    assert url in str(caught.value)
    assert "impasto models add tiny FILE" in str(caught.value)


def test_a_wrong_file_is_refused_and_removed(record: Record, cache: Path) -> None:
    with pytest.raises(WeightsError, match="sent another file"):
        weights.fetch(record(sha256="0" * 64))
    assert kept_files(cache) == []


def test_a_conversion_that_is_interrupted_needs_no_second_download(
    record: Record, server: FileServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    def interrupt(*_: object) -> None:
        raise KeyboardInterrupt

    with monkeypatch.context() as patch:
        patch.setattr(weights, "_convert", interrupt)
        with pytest.raises(KeyboardInterrupt):
            weights.fetch(record())
    weights.fetch(record())
    assert len(server.ranges) == 1


def test_who_comes_at_the_same_time_waits(record: Record, server: FileServer) -> None:
    weight = record()
    paths: list[Path] = []
    threads = [
        threading.Thread(target=lambda: paths.append(weights.fetch(weight))) for _ in range(4)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(paths) == 4
    assert len(server.ranges) == 1
    assert weights.verify(weight).state == "good"


# What is refused


class Trap:
    """Makes a folder when it is unpickled."""

    def __init__(self, marker: Path) -> None:
        self.marker = marker

    def __reduce__(self) -> tuple[Any, ...]:
        return os.mkdir, (str(self.marker),)


@pytest.mark.parametrize("legacy", [False, True])
def test_a_pickle_that_is_code_is_refused_and_not_run(
    record: Record, cache: Path, tmp_path: Path, legacy: bool
) -> None:
    marker = tmp_path / "trapped"
    body = pickled({**published_state(), "trap": Trap(marker)}, legacy=legacy)
    torch.load(io.BytesIO(body), weights_only=False)
    marker.rmdir()  # so it works, where it is run
    with pytest.raises(WeightsError, match="nothing in it was run"):
        weights.fetch(record(body))
    assert not marker.exists()
    assert kept_files(cache) == []


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"features.5.weight": None}, "no numbers under 'features.5.weight'"),
        ({"features.2.bias": "a text"}, "no numbers under 'features.2.bias'"),
        ({"features.0.bias": torch.zeros(4, dtype=torch.int64)}, "no numbers"),
        ({"features.2.weight": torch.zeros(4, 3, 3, 3)}, r"shape \(4, 3, 3, 3\), expected \(4, 4"),
        ({"features.5.bias": torch.zeros(())}, r"shape \(\), expected \(6,\)"),
        ({"features.0.weight": torch.full((4, 3, 3, 3), torch.nan)}, "not finite"),
    ],
)
def test_a_file_of_another_shape_is_refused(
    record: Record, cache: Path, change: State, message: str
) -> None:
    state = {
        key: value for key, value in {**published_state(), **change}.items() if value is not None
    }
    with pytest.raises(WeightsError, match=message):
        weights.fetch(record(pickled(state)))
    assert kept_files(cache) == []


@pytest.mark.parametrize("body", [pickled([1, 2]), pickled(torch.zeros(3)), b"", bytes(range(256))])
def test_a_file_that_is_no_table_of_tensors_is_refused(record: Record, body: bytes) -> None:
    with pytest.raises(WeightsError, match=r"no table of tensors|was refused"):
        weights.fetch(record(body))


# Adding by hand


def test_the_published_file_can_be_added(
    record: Record, server: FileServer, tmp_path: Path
) -> None:
    file = tmp_path / "tiny.pth"
    file.write_bytes(server.body)
    assert weights.add(record(), file) == weights.locate(record())
    assert weights.verify(record()).state == "good"
    assert file.read_bytes() == server.body
    assert server.ranges == []


def test_a_kept_file_can_be_added_elsewhere(
    record: Record, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    file = weights.fetch(record())
    monkeypatch.setenv("IMPASTO_CACHE", str(tmp_path / "another cache"))
    assert weights.add(record(), file).read_bytes() == file.read_bytes()
    assert weights.verify(record()).state == "good"


def test_another_published_file_is_not_added(record: Record, cache: Path, tmp_path: Path) -> None:
    file = tmp_path / "tiny.pth"
    file.write_bytes(pickled(published_state()) + b" ")
    with pytest.raises(WeightsError, match="is not the file of 'tiny'"):
        weights.add(record(), file)
    assert file.exists()
    assert kept_files(cache) == []


@pytest.mark.parametrize("change", [{"name": "other"}, {"sha256": "0" * 64}])
def test_another_kept_file_is_not_added(record: Record, change: dict[str, str]) -> None:
    file = weights.fetch(record())
    with pytest.raises(WeightsError, match="was not made by Impasto from the published"):
        weights.add(record(**change), file)


@pytest.mark.parametrize("name", ["garbage.safetensors", "garbage.pth"])
def test_garbage_is_not_added(record: Record, tmp_path: Path, name: str) -> None:
    (tmp_path / name).write_bytes(b"garbage" * 100)
    with pytest.raises(WeightsError, match=name):
        weights.add(record(), tmp_path / name)


@pytest.mark.parametrize("name", ["nothing.safetensors", "nothing.pth", "."])
def test_what_is_no_file_is_not_added(record: Record, tmp_path: Path, name: str) -> None:
    with pytest.raises(WeightsError, match=str(tmp_path)):
        weights.add(record(), tmp_path / name)


# Verifying


def test_a_missing_file_is_missing(record: Record) -> None:
    assert weights.verify(record()) == weights.Status("missing")


@pytest.mark.parametrize("spot", [b"max", b"zeros", b"0.485", b"widths", b"F32", b"\x00\x00"])
def test_a_changed_header_is_broken(record: Record, spot: bytes) -> None:
    path = weights.fetch(record())
    flip(path, path.read_bytes().index(spot))
    assert weights.verify(record()).state == "broken"


@pytest.mark.parametrize("position", [-1, -2, -100, -1000])
def test_a_changed_value_is_broken(record: Record, position: int) -> None:
    path = weights.fetch(record())
    flip(path, position)
    status = weights.verify(record())
    assert status.state == "broken"
    assert "impasto models fetch tiny" in status.reason


def test_a_truncated_file_is_broken(record: Record) -> None:
    path = weights.fetch(record())
    path.write_bytes(path.read_bytes()[:-10])
    assert weights.verify(record()).state == "broken"


def flip(path: Path, position: int) -> None:
    content = bytearray(path.read_bytes())
    content[position] ^= 1
    path.write_bytes(content)


# Built in


def test_what_is_built_in_is_there(built_in: WeightRecord, tmp_path: Path) -> None:
    path = tmp_path / "inside.safetensors"
    assert weights.locate(built_in) == weights.ensure(built_in) == weights.fetch(built_in) == path
    assert weights.verify(built_in).state == "good"
    digest = hashlib.sha256(path.read_bytes()).hexdigest()
    assert weights.verify(dataclasses.replace(built_in, sha256=digest)).state == "good"
    assert weights.verify(dataclasses.replace(built_in, sha256="0" * 8)).state == "broken"
    with pytest.raises(WeightsError, match="built in"):
        weights.add(built_in, path)


def test_what_is_built_in_may_be_lost(built_in: WeightRecord, tmp_path: Path) -> None:
    (tmp_path / "inside.safetensors").unlink()
    assert weights.verify(built_in).state == "missing"
    with pytest.raises(WeightsError, match="install Impasto again"):
        weights.ensure(built_in)


# The command line


def run(*words: str) -> int:
    return models.run(_parser("models").parse_args(["models", *words]))


@pytest.fixture
def table(record: Record, built_in: WeightRecord, monkeypatch: pytest.MonkeyPatch) -> None:
    """A registry of one weight that is fetched and one that is built in."""
    monkeypatch.setattr(weights, "WEIGHTS", {"tiny": record(), "inside": built_in})


@pytest.mark.usefixtures("table")
def test_the_list_shows_where_each_stands(capsys: pytest.CaptureFixture[str]) -> None:
    def states() -> list[str]:
        assert run("list", "--json") == 0
        return [known["state"] for known in json.loads(capsys.readouterr().out)]

    assert states() == ["not fetched", "built in"]
    run("fetch", "tiny")
    capsys.readouterr()
    assert states() == ["cached", "built in"]
    assert run("list") == 0
    shown = capsys.readouterr().out
    assert all(word in shown for word in ("tiny", "inside", "cached", "built in", "licence"))


def test_the_list_of_the_real_table_fits_80_columns(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("COLUMNS", "80")
    run("list")
    shown = capsys.readouterr().out
    assert all(known.paper.rsplit(" ", 1)[1] in shown for known in WEIGHTS.values())
    assert max(map(len, shown.splitlines())) <= 80


@pytest.mark.usefixtures("table")
def test_fetch_is_quiet_off_a_terminal(capsys: pytest.CaptureFixture[str], cache: Path) -> None:
    assert run("fetch", "tiny") == 0
    assert capsys.readouterr() == (f"tiny: {cache / 'tiny.safetensors'}\n", "")


@pytest.mark.usefixtures("table")
def test_fetch_shows_a_bar_on_a_terminal(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("FORCE_COLOR", "1")
    run("fetch", "tiny")
    shown = capsys.readouterr()
    assert "━" in shown.err
    assert "━" not in shown.out


@pytest.mark.usefixtures("table")
def test_fetch_force(server: FileServer) -> None:
    before = len(server.ranges)
    run("fetch", "tiny")
    run("fetch", "tiny", "--force")
    assert len(server.ranges) - before == 2


@pytest.mark.usefixtures("table")
def test_add_and_verify(
    capsys: pytest.CaptureFixture[str], server: FileServer, tmp_path: Path, cache: Path
) -> None:
    assert run("verify") == 0  # nothing is broken
    assert run("verify", "tiny") == 1  # but this one was asked for, and is missing
    (tmp_path / "tiny.pth").write_bytes(server.body)
    assert run("add", "tiny", str(tmp_path / "tiny.pth")) == 0
    assert run("verify", "tiny") == 0
    flip(cache / "tiny.safetensors", -1)
    capsys.readouterr()
    assert run("verify") == 1
    shown = capsys.readouterr().out
    assert "tiny: broken. " in shown
    assert "inside: good" in shown


def test_errors_are_left_to_the_main_program() -> None:
    with pytest.raises(ImpastoError, match="Unknown weight 'vgg18'"):
        run("fetch", "vgg18")


@pytest.mark.parametrize("words", [(), ("list",), ("fetch",), ("add",), ("verify",)])
def test_help_fits_a_screen_and_shows_an_example(
    capsys: pytest.CaptureFixture[str], words: tuple[str, ...]
) -> None:
    with pytest.raises(SystemExit):
        run(*words, "-h")
    shown = capsys.readouterr().out
    assert len(shown.splitlines()) <= 24
    assert f"impasto models {words[0] if words else 'list'}" in shown.split("example")[-1]
