"""Files that rows name, kept on the worker's disk within bounds."""

from __future__ import annotations

from pathlib import Path

from impasto.batch import fetching
from impasto.batch.fetching import Fetcher
from impasto.batch.rows import VECTOR, Row
from impasto.jobs.requests import StyleInput, StylizeRequest
from impasto.networks.catalogue import open_network


def test_files_of_style_vectors_are_bounded(tmp_path, monkeypatch):
    monkeypatch.setattr(fetching, "_MOST_KEPT", 2)
    fetcher, size = Fetcher(tmp_path), open_network("any").network.style_size
    request = StylizeRequest("a.png", (StyleInput(VECTOR),))
    for number in (0, 1, 2, 1, 3):
        vector = (float(number),) * size
        local = fetcher.local(Row(number, "x", request=request, vector=vector))
        assert Path(local.request.styles[0].name).is_file()
    assert len(list((tmp_path / "kept").iterdir())) == 2
