"""Rows, means and tables."""

import csv
import json
from pathlib import Path

from impasto.evaluation.matching import References
from impasto.evaluation.results import EvaluatedResult, summarize, to_json, value_names, write_csv
from impasto.metrics.bootstrap import bootstrap_mean


def rows_of(**methods):
    pair = References(Path("c.png"), Path("s.png"))
    return [
        EvaluatedResult(method, Path(f"{method}/{number}.png"), pair, figures)
        for method, found in methods.items()
        for number, figures in enumerate(found)
    ]


def test_means_are_over_the_results_that_have_the_value(tmp_path):
    rows = rows_of(a=[{"tv": 1.0, "seconds": 3.0}, {"tv": 2.0}], b=[{"seconds": 1.0, "tv": 5.0}])
    means = summarize(rows)
    assert means["a"]["tv"] == bootstrap_mean([1.0, 2.0])
    assert means["a"]["seconds"].mean == 3
    assert value_names(rows) == ["tv", "seconds"]
    report = json.loads(to_json(rows, [(Path("x"), "why")], {"size": 9}))
    assert report["methods"]["b"]["tv"] == {"mean": 5.0, "low": None, "high": None}
    assert report["failed"] == [{"result": "x", "reason": "why"}]
    write_csv(tmp_path / "t.csv", rows)
    lines = list(csv.DictReader((tmp_path / "t.csv").read_text("utf-8").splitlines()))
    assert [line["seconds"] for line in lines] == ["3.0", "", "1.0"]
