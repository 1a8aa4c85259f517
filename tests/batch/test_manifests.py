"""Manifests are cut into shards that hold each row once, and are read row by row from anywhere."""

from __future__ import annotations

import csv
import datetime
import io
import json
import random
import tarfile

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from impasto.batch.parquet import ParquetTable
from impasto.batch.rows import PAINT, Template, read_row
from impasto.batch.shards import RawRow
from impasto.batch.tables import TextTable
from impasto.batch.tars import TarFiles
from impasto.errors import InputDataError
from impasto.jobs.request_json import to_json
from impasto.jobs.requests import PaintRequest, StyleInput, StylizeRequest
from impasto.recipes.presets import get_recipe

CELLS = st.text(st.characters(exclude_categories=("Cs",), exclude_characters="\0"), max_size=12)
STYLES = Template(styles=(StyleInput("scream"),))


def read(table, size):
    shards = list(table.shards(size))
    assert [shard.number for shard in shards] == list(range(len(shards)))
    assert all(shard.count <= size for shard in shards)
    random.Random(1).shuffle(shards)  # each can be read without the others
    rows = [row for shard in shards for row in table.rows(shard)]
    return [row.values for row in sorted(rows, key=lambda row: row.number)], rows


@settings(max_examples=40)
@given(rows=st.lists(st.tuples(CELLS, CELLS), min_size=1, max_size=9), size=st.integers(1, 4))
def test_csv_is_cut_between_rows(tmp_path_factory, rows, size):
    path = tmp_path_factory.mktemp("csv") / "rows.csv"
    with path.open("w", newline="", encoding="utf-8-sig") as file:
        csv.writer(file).writerows([("content", "id"), *rows])
    values, _ = read(TextTable([str(path)]), size)
    with path.open(newline="", encoding="utf-8-sig") as file:
        whole = [dict(row) for row in csv.DictReader(file)]
    assert values == [{n: v for n, v in row.items() if (v or "").strip()} for row in whole]


def test_json_lines_of_several_files(tmp_path):
    rows = [{"content": f"{number}.png", "size": number} for number in range(11)]
    for name, part in (("a.jsonl", rows[:4]), ("b.jsonl", rows[4:])):
        lines = "\n\n".join(map(json.dumps, part))
        (tmp_path / name).write_text(f"{lines}\nnull\n{{broken\n" if name == "b.jsonl" else lines)
    table = TextTable([str(tmp_path / "a.jsonl"), str(tmp_path / "b.jsonl")])
    values, found = read(table, 3)
    assert values[:11] == rows
    assert table.count == 13
    assert sorted(row.number for row in found) == list(range(13))
    assert [bool(row.problem) for row in sorted(found, key=lambda r: r.number)][-3:] == [0, 1, 1]


def test_parquet_reads_footers_to_plan_and_groups_to_work(tmp_path):
    pyarrow = pytest.importorskip("pyarrow")
    from pyarrow import parquet

    rows = [{"content": f"{number}.png", "strength": number / 30, "style": None}
            for number in range(25)]  # fmt: skip
    for name, part in (("a.parquet", rows[:10]), ("b.parquet", rows[10:])):
        table = pyarrow.Table.from_pylist(part)
        parquet.write_table(table, tmp_path / name, row_group_size=4)
    files = [str(tmp_path / name) for name in ("a.parquet", "b.parquet")]
    values, _ = read(ParquetTable(files), 3)
    assert values == [{n: v for n, v in row.items() if v is not None} for row in rows]
    shards = list(ParquetTable(files).shards(7))
    assert [(s.start, s.first, s.count) for s in shards] == [
        (0, 0, 7), (7, 7, 3), (0, 10, 7), (7, 17, 7), (14, 24, 1)
    ]  # fmt: skip


def test_parquet_that_is_broken_inside_is_a_sentence(tmp_path):
    pyarrow = pytest.importorskip("pyarrow")
    from pyarrow import parquet

    path = tmp_path / "a.parquet"
    parquet.write_table(
        pyarrow.Table.from_pylist([{"content": f"{n}.png"} for n in range(99)]), path
    )
    whole = path.read_bytes()
    path.write_bytes(whole[:4] + b"\xff" * 200 + whole[204:])  # pages; the footer is as it was
    table = ParquetTable([str(path)])
    (shard,) = table.shards(100)
    with pytest.raises(InputDataError, match=r"a\.parquet cannot be read"):
        list(table.rows(shard))


def test_of_many_pictures_in_a_sample_the_first_is_read(tmp_path, monkeypatch):
    with tarfile.open(tmp_path / "a.tar", "w") as archive:
        for name in ("1.a.png", "1.b.png", "1.json", "1.c.png", "2.png"):
            member = tarfile.TarInfo(name)
            member.size = 2
            archive.addfile(member, io.BytesIO(b"{}" if name == "1.json" else name[-5:-3].encode()))
    read, extract = [], tarfile.TarFile.extractfile
    monkeypatch.setattr(
        tarfile.TarFile, "extractfile", lambda tar, m: (read.append(m.name), extract(tar, m))[1]
    )
    source = TarFiles(lambda: [str(tmp_path / "a.tar")])
    (shard,) = source.shards(10)
    assert [row.data for row in source.rows(shard)] == [b"a.", b"2."]
    assert read == ["1.a.png", "1.json", "2.png"]


def test_a_line_without_an_end_is_refused(tmp_path):
    (tmp_path / "a.jsonl").write_bytes(b"x" * 3_000_000)
    with pytest.raises(InputDataError, match="a line of more than"):
        list(TextTable([str(tmp_path / "a.jsonl")]).shards(10))


# --- rows -----------------------------------------------------------------------------------------


def request(values, template=STYLES, **raw):
    row = read_row(RawRow(5, values, base="/base", **raw), template)
    assert not row.problem, row.problem
    return row.request


def test_a_row_changes_what_all_have_in_common():
    common = Template(styles=(StyleInput("scream"),), entries={"strength": 0.5, "size": 100})
    assert request({"content": "a.png"}, common) == StylizeRequest(
        "/base/a.png", (StyleInput("scream"),), strength=0.5, size=100
    )
    own = {"content": "s3://x/a.png", "style": ["wave.jpg:0.3", "b.jpg:0.7"], "size": 50}
    assert request(own, common) == StylizeRequest(
        "s3://x/a.png", (StyleInput("/base/wave.jpg", 0.3), StyleInput("/base/b.jpg", 0.7)),
        strength=0.5, size=50,
    )  # fmt: skip
    cells = {"content": "a.png", "strength": "0.25", "size": "64", "mask": "m.png",
             "style_mask": "n.png"}  # fmt: skip
    assert request(cells, is_text=True) == StylizeRequest(
        "/base/a.png", (StyleInput("scream"),), strength=0.25, size=64, mask="/base/m.png",
        style_mask="/base/n.png",
    )  # fmt: skip


def test_a_row_of_another_kind():
    values = {"content": "a.png", "kind": PAINT, "style": "b.png", "recipe": "quick", "seed": 4,
              "style_layers": {"relu1_1": 1}}  # fmt: skip
    recipe = get_recipe("quick").replace(seed=4, style_layers={"relu1_1": 1})
    expected = PaintRequest("/base/a.png", (StyleInput("/base/b.png"),), recipe)
    assert request(values) == expected
    cells = {**values, "seed": "4", "style_layers": '{"relu1_1": 1}'}
    assert request(cells, is_text=True) == expected


def test_a_whole_request_is_a_row():
    whole = StylizeRequest("/a/b.png", (StyleInput("kiss"),), strength=0.2)
    assert request({"request": to_json(whole)}) == whole
    assert request({"request": json.loads(to_json(whole)), "id": 7}) == whole


@pytest.mark.parametrize(
    "values",
    [
        {}, {"content": ""}, {"content": 3}, {"content": "a\0b"}, {"content": "a", "size": -1},
        {"content": "a", "size": "big"}, {"content": "a", "strength": float("nan")},
        {"content": "a", "style": []}, {"content": "a", "style": [{"weight": 1}]},
        {"content": "a", "style": "x:-1"}, {"content": "a", "kind": "video"},
        {"content": "a", "kind": "paint", "recipe": "/etc/passwd"}, {"content": "a", "vector": "x"},
        {"content": "a", "vector": [1, "2"]}, {"content": "a", "seed": 1}, {"content": "a", "q": 1},
        {"content": "a", "mask": ["m"]}, {"request": "{}"}, {"request": [], "content": "a"},
        {"content": "a" * 5000}, {"content": "a", "output": "../a"}, {"content": "a", "regions": 1},
        {"content": "a", "style": {"source": "b"}}, {"content": "a", "model": ["x"]},
        {"content": "a", "kind": []}, {"content": "a", "kind": "paint", "recipe": {}},
        {"content": "a", "vector": "[1"}, {"content": "a", "vector": "[" * 100_000},
        {"request": {"content": datetime.date(2025, 1, 1)}},
    ],
)  # fmt: skip
def test_a_wrong_row_is_a_sentence(values):
    row = read_row(RawRow(5, values), STYLES)
    assert row.request is None
    assert row.problem.endswith((".", "?"))
    assert "\n" not in row.problem


VALUES = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=9),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner),
    max_leaves=6,
)
NAMES = ["content", "style", "size", "vector", "request", "kind", "output", "id", "mask", "recipe"]


@given(st.dictionaries(st.sampled_from(NAMES), VALUES))
def test_no_row_breaks_the_reader(values):
    row = read_row(RawRow(0, values), STYLES)
    assert bool(row.problem) != bool(row.request)
