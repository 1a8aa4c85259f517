"""Batches end to end, in this process: files and archives, restarts, mistakes of rows."""

from __future__ import annotations

import csv
import hashlib
import io
import json
import shutil
import tarfile

import numpy as np
import pytest
from PIL import Image

import impasto
from helpers.batches import entries, logs, outputs
from impasto import images
from impasto.batch.rows import PAINT, Template
from impasto.errors import InputDataError, OptionError
from impasto.jobs.request_json import from_json, from_metadata
from impasto.jobs.requests import StyleInput, StylizeRequest
from impasto.recipes.presets import get_recipe

pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def painted(photos):
    """Name → pixels, as the public function paints them one by one."""
    found = {}
    for path in images.list_pictures(photos):
        result = impasto.stylize(path, "great-wave")
        found[path.relative_to(photos).as_posix()] = np.asarray(result.image)
    return found


def pixels(content):
    return np.asarray(Image.open(io.BytesIO(content)))


def test_a_folder_keeps_its_names_and_pictures_are_those_of_stylize(
    batch, photos, painted, tmp_path
):
    tally = batch(photos)
    assert (tally.painted, tally.failed, tally.shards, tally.total) == (7, 0, 3, 7)
    made = outputs(tmp_path / "out")
    assert made.keys() == painted.keys()
    for name, content in made.items():
        assert np.array_equal(pixels(content), painted[name]), name
    request = from_metadata(images.read_metadata(tmp_path / "out" / "p0.png"))
    assert request == StylizeRequest(str(photos / "p0.png"), (StyleInput("great-wave"),))


def test_the_log_says_what_each_row_became(batch, photos, tmp_path):
    batch(photos)
    made, log = outputs(tmp_path / "out"), entries(tmp_path / "out")
    assert [entry["row"] for entry in log] == list(range(7))
    for entry in log:
        content = made[entry["output"]]
        assert entry["bytes"] == len(content)
        assert entry["sha256"] == hashlib.sha256(content).hexdigest()
        assert from_json(entry["request"]).content == str(photos / entry["output"])
        assert entry["seconds"] > 0
        assert entry["error"] == ""
    assert [log.name for log in logs(tmp_path / "out")] == [
        "000000000.3.0.jsonl", "000000001.3.0.jsonl", "000000002.1.0.jsonl"
    ]  # fmt: skip


def test_a_finished_batch_is_not_done_again(batch, photos, tmp_path):
    batch(photos)
    times = {path: path.stat().st_mtime_ns for path in (tmp_path / "out").rglob("*.png")}
    tally = batch(photos)
    assert (tally.painted, tally.kept, tally.done_before) == (0, 0, 7)
    assert times == {path: path.stat().st_mtime_ns for path in times}


def test_any_cut_into_shards_gives_the_same_bytes(batch, photos, tmp_path):
    batch(photos)
    for size in (1, 7, 1000):
        batch(photos, f"by-{size}", shard_size=size)
        assert outputs(tmp_path / f"by-{size}") == outputs(tmp_path / "out")


def test_a_removed_shard_is_made_again_and_only_that(batch, photos, tmp_path):
    batch(photos)
    before = outputs(tmp_path / "out")
    logs(tmp_path / "out")[1].unlink()
    (tmp_path / "out" / "p3.png").unlink()
    times = {p.name: p.stat().st_mtime_ns for p in (tmp_path / "out").rglob("*.png")}
    tally = batch(photos)
    assert (tally.painted, tally.kept, tally.done_before) == (1, 2, 4)
    assert outputs(tmp_path / "out") == before
    after = {p.name: p.stat().st_mtime_ns for p in (tmp_path / "out").rglob("*.png")}
    assert {name for name in after if after[name] != times.get(name)} == {"p3.png"}


def test_pictures_added_later_do_not_shift_shards(batch, photos, tmp_path):
    copy = shutil.copytree(photos, tmp_path / "photos")
    batch(copy)
    logs(tmp_path / "out")[2].unlink()
    images.write(copy / "a.png", images.read(copy / "p0.png").tensor)
    tally = batch(copy)
    assert (tally.done_before, tally.kept, tally.total) == (6, 1, 7)
    assert "a.png" not in outputs(tmp_path / "out")


def test_bad_pictures_are_rows_with_their_sentences(batch, photos, tmp_path):
    copy = shutil.copytree(photos, tmp_path / "photos")
    (copy / "p1.png").write_bytes(b"no picture")
    (copy / "p2.png").write_bytes((photos / "p2.png").read_bytes()[:90])
    tally = batch(copy)
    assert (tally.painted, tally.failed) == (5, 2)
    failed = [entry for entry in entries(tmp_path / "out") if entry["error"]]
    assert [entry["output"] for entry in failed] == ["p1.png", "p2.png"]
    for entry in failed:
        assert str(copy / entry["output"]) in entry["error"]
        assert entry["error"].endswith(".")
        assert (entry["sha256"], entry["bytes"]) == ("", 0)
    assert "p1.png" not in outputs(tmp_path / "out")
    assert batch(copy).failed_before == 2
    shutil.copy(photos / "p1.png", copy / "p1.png")
    again = batch(copy, retry_failed=True)
    assert (again.painted, again.failed, again.kept) == (1, 1, 1)
    assert "000000000.3.1.jsonl" in [log.name for log in logs(tmp_path / "out")]
    assert len(logs(tmp_path / "out")) == 3
    assert batch(copy).failed_before == 1


def test_more_errors_than_allowed_end_the_batch(batch, photos, tmp_path):
    copy = shutil.copytree(photos, tmp_path / "photos")
    for number in range(3):
        (copy / f"p{number}.png").write_bytes(b"no picture")
    tally = batch(copy, max_errors=2)
    assert "more than" in tally.problem
    assert (tally.failed, tally.painted) == (3, 0)
    assert batch(copy).painted == 4


def test_what_is_there_already_is_kept_and_never_replaced(batch, photos, tmp_path):
    out = tmp_path / "out"
    out.mkdir()
    (out / "p0.png").write_bytes(b"somebody's")
    impasto.stylize(photos / "p1.png", "great-wave").save(out / "p1.png")
    impasto.stylize(photos / "p2.png", "scream").save(out / "p2.png")
    before = outputs(out)
    tally = batch(photos)
    assert (tally.painted, tally.kept, tally.failed) == (4, 1, 2)
    assert [entry["error"] for entry in entries(out)][::2][:2] == [
        f"{photos / name}: {out / name} exists already and was made in another way."
        for name in ("p0.png", "p2.png")
    ]  # fmt: skip
    assert {name: outputs(out)[name] for name in before} == before
    tally = batch(photos, overwrite=True, retry_failed=True)
    assert (tally.painted, tally.failed) == (1, 1)  # a photograph is not replaced
    assert outputs(out)["p0.png"] == b"somebody's"
    assert outputs(out)["p2.png"] != before["p2.png"]


def test_another_batch_is_refused_in_the_same_folder(batch, photos, tmp_path):
    batch(photos)
    scream = Template(styles=(StyleInput("scream"),))
    with pytest.raises(OptionError, match="holds another batch"):
        batch(photos, template=scream)
    with pytest.raises(OptionError, match="holds another batch"):
        batch(photos, shard_size=2)
    before = outputs(tmp_path / "out")
    assert batch(photos, template=scream, overwrite=True).painted == 7
    assert outputs(tmp_path / "out").keys() == before.keys()
    assert outputs(tmp_path / "out") != before


def test_the_input_is_not_the_output(batch, photos, tmp_path):
    copy = shutil.copytree(photos, tmp_path / "photos")
    with pytest.raises(OptionError, match="read and written"):
        batch(copy, "photos")
    assert batch(copy, "photos/painted").painted == 7
    assert batch(copy, "photos/again").total == 14  # what was painted there is a picture as well


def test_rows_of_a_manifest_have_their_own_requests(batch, photos, tmp_path):
    rows = [
        {"content": "p0.png", "style": "scream", "output": "a/one.jpg", "id": "first"},
        {"content": "p1.png", "strength": "0.5", "size": "30"},
        {"content": "sub/p5.png", "style": "great-wave:0.5,scream:0.5"},
    ]
    with (photos / "rows.csv").open("w", newline="") as file:
        writer = csv.DictWriter(file, ["content", "style", "output", "strength", "size", "id"])
        writer.writeheader()
        writer.writerows(rows)
    try:
        tally = batch(photos / "rows.csv")
    finally:
        (photos / "rows.csv").unlink()
    assert (tally.painted, tally.failed) == (3, 0)
    log = entries(tmp_path / "out")
    assert [entry["id"] for entry in log] == ["first", "1", "2"]
    made = outputs(tmp_path / "out")
    assert [*made] == ["a/one.jpg", "p1.png", "sub/p5.png"]
    mixed = impasto.stylize(photos / "sub" / "p5.png", {"great-wave": 0.5, "scream": 0.5})
    assert np.array_equal(pixels(made["sub/p5.png"]), np.asarray(mixed.image))
    weaker = impasto.stylize(photos / "p1.png", "great-wave", strength=0.5, size=30)
    assert np.array_equal(pixels(made["p1.png"]), np.asarray(weaker.image))


def test_a_manifest_that_changed_is_refused(batch, photos, tmp_path):
    manifest = tmp_path / "rows.jsonl"
    lines = [json.dumps({"content": str(photos / f"p{number}.png")}) for number in range(3)]
    manifest.write_text("\n".join(lines))
    assert batch(manifest).painted == 3
    manifest.write_text("\n".join(lines[1:]))
    with pytest.raises(OptionError, match="its state is another"):
        batch(manifest)


def test_hostile_rows_write_nothing_outside(batch, photos, tmp_path):
    manifest, inner = tmp_path / "rows.jsonl", tmp_path / "inner"
    content = str(photos / "p0.png")
    hostile = ["../x.png", "/x.png", "a/../../x.png", "C:\\x.png", "..\\x.png", "_batch/plan.json"]
    rows = [{"content": content, "output": name} for name in hostile]
    rows += [{"content": f"{'../' * 12}..{content}"}, {"content": content, "output": "fine.png"}]
    rows += [{"content": content, "output": "fine.png"}, {"style": "scream"}, ["no object"]]
    rows += [{"content": content, "recipe": "default"}, {"content": content, "strenght": 1}]
    manifest.write_text("\n".join(map(json.dumps, rows)) + "\nno json\n\n")
    inner.mkdir()
    tally = batch(manifest, "inner/out")
    assert (tally.painted, tally.failed) == (2, 12)
    assert [*outputs(inner / "out")] == ["fine.png", content.lstrip("/")]
    assert [path.name for path in inner.iterdir()] == ["out"]
    for entry in entries(inner / "out"):
        assert entry["error"].endswith(".") or entry["row"] in (6, 7)


def test_archives_are_read_and_written(batch, photos, tmp_path):
    for number in range(2):
        with tarfile.open(tmp_path / f"in-{number}.tar", "w") as archive:
            for index in range(2):
                name = f"p{2 * number + index}.png"
                archive.add(photos / name, name)
                described = {"caption": "x", "impasto": {"style": ["great-wave", "scream"][index]}}
                member = tarfile.TarInfo(f"p{2 * number + index}.json")
                content = json.dumps(described).encode()
                member.size = len(content)
                archive.addfile(member, io.BytesIO(content))
    tally = batch(tmp_path / "in-{0..1}.tar", layout="tar", log="parquet")
    assert (tally.painted, tally.failed, tally.shards, tally.total) == (4, 0, 2, None)
    out = tmp_path / "out"
    assert [*outputs(out)] == ["000000000.tar", "000000001.tar"]
    with tarfile.open(out / "000000001.tar") as archive:
        assert archive.getnames() == [
            "in-1/p2.png", "in-1/p2.json", "in-1/p3.png", "in-1/p3.json"
        ]  # fmt: skip
        made = archive.extractfile("in-1/p3.png").read()
        described = json.load(archive.extractfile("in-1/p3.json"))
    expected = impasto.stylize(photos / "p3.png", "scream")
    assert np.array_equal(pixels(made), np.asarray(expected.image))
    assert described["request"]["styles"][0]["source"] == "scream"
    assert described["request"]["content"] == f"tar://p3.png::{tmp_path}/in-1.tar"
    parquet = pytest.importorskip("pyarrow.parquet")
    table = parquet.read_table(logs(out)[1]).to_pylist()
    assert [row["output"] for row in table] == ["in-1/p2.png", "in-1/p3.png"]
    assert table[1]["sha256"] == hashlib.sha256(made).hexdigest()
    before = outputs(out)
    logs(out)[0].unlink()
    (out / "000000000.tar").unlink()
    assert batch(tmp_path / "in-{0..1}.tar", layout="tar", log="parquet").painted == 2
    assert outputs(out) == before


def test_a_broken_archive_costs_what_cannot_be_read_of_it(batch, photos, tmp_path):
    with tarfile.open(tmp_path / "in.tar", "w") as archive:
        for number in range(3):
            archive.add(photos / f"p{number}.png", f"p{number}.png")
    whole = (tmp_path / "in.tar").read_bytes()
    (tmp_path / "in.tar").write_bytes(whole[: len(whole) * 3 // 5])
    tally = batch(tmp_path / "in.tar")
    assert tally.painted >= 1
    assert tally.failed == 1
    assert entries(tmp_path / "out")[-1]["error"].startswith(str(tmp_path / "in.tar"))


def test_paintings_by_optimization(batch, photos, tmp_path):
    recipe = get_recipe("default").replace(steps=2, final_steps=1, scales=1, encoder="compact")
    template = Template(PAINT, (StyleInput(str(photos / "p1.png")),), recipe=recipe.to_dict())
    rows = [{"content": "p0.png"}, {"content": "p2.png", "seed": 3, "style_weight": 2}]
    manifest = photos / "paint.jsonl"
    manifest.write_text("\n".join(map(json.dumps, rows)))
    try:
        assert batch(manifest, template=template).painted == 2
    finally:
        manifest.unlink()
    made = outputs(tmp_path / "out")
    alone = impasto.paint(
        photos / "p2.png", photos / "p1.png", recipe=recipe.replace(seed=3, style_weight=2)
    )
    assert np.array_equal(pixels(made["p2.png"]), np.asarray(alone.image))
    assert not list((tmp_path / "out").rglob("*.checkpoint"))


@pytest.mark.parametrize("name", ["nothing", "nothing.csv", "nothing/*.tar", "one.png", "a.txt"])
def test_inputs_that_are_none_are_told(batch, tmp_path, name, photos):
    shutil.copy(photos / "p0.png", tmp_path / "one.png")
    (tmp_path / "a.txt").write_text("x")
    with pytest.raises((InputDataError, OptionError)) as caught:
        batch(tmp_path / name)
    assert str(caught.value).endswith(".")
    assert not (tmp_path / "out" / "_batch" / "plan.json").exists()


def test_a_cluster_may_have_devices_that_this_machine_lacks(batch, photos, monkeypatch):
    def cluster(address):
        raise OptionError("asked for a cluster")

    monkeypatch.setattr("impasto.batch.run._cluster", cluster)
    with pytest.raises(OptionError, match="sees no such device"):
        batch(photos, device="meta")
    with pytest.raises(OptionError, match="asked for a cluster"):
        batch(photos, device="meta", address="auto")
    with pytest.raises(OptionError, match="is not a device"):
        batch(photos, device="nonsense", address="auto")


def test_in_one_line_of_python(photos, painted, tmp_path):
    told = []
    tally = impasto.paint_batch(
        photos, tmp_path / "out", "great-wave", workers=0, progress=told.append
    )
    assert (tally.painted, tally.rows) == (7, 7)
    assert told[-1] is tally
    assert np.array_equal(pixels(outputs(tmp_path / "out")["p0.png"]), painted["p0.png"])
    with pytest.raises(OptionError, match="strength"):
        impasto.paint_batch(photos, tmp_path / "b", "great-wave", strength=3)
    with pytest.raises(OptionError, match="nknown"):
        impasto.paint_batch(photos, tmp_path / "b", "great-wave", recipe="quick", precision="auto1")


def test_a_row_may_have_a_style_vector(batch, photos, tmp_path):
    from impasto.networks.catalogue import open_network
    from impasto.onepass.stylizer import Stylizer

    vector = Stylizer(photos / "p1.png").vector
    values = {"content": "p0.png", "vector": vector.tolist(), "model": "any"}
    manifest = photos / "vectors.jsonl"
    manifest.write_text(
        "\n".join(map(json.dumps, [values, {**values, "vector": [1.0, 2.0], "output": "b.png"}]))
    )
    try:
        tally = batch(manifest, template=Template())
    finally:
        manifest.unlink()
    assert (tally.painted, tally.failed) == (1, 1)
    size = open_network("any").network.style_size
    assert f"has 2 numbers, and styles of the model have {size}" in tally.errors[0][1]
    alone = impasto.stylize(photos / "p0.png", photos / "p1.png")
    difference = pixels(outputs(tmp_path / "out")["p0.png"]).astype(int) - np.asarray(alone.image)
    assert abs(difference).max() <= 1
