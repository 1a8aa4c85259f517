"""What is asked of Ray, without a cluster."""

from __future__ import annotations

from unittest.mock import MagicMock

import pytest

from impasto.batch.plan import Plan
from impasto.batch.ray_engine import RayEngine


@pytest.mark.parametrize(
    ("device", "there", "asked"),
    [("auto", 0, None), ("auto", 2, 0.5), ("cpu", 2, None), ("cuda", 2, 0.5), ("cuda", 0, 0.5)],
)
def test_gpus_are_asked_for_although_an_autoscaler_has_yet_to_add_them(
    monkeypatch, device, there, asked
):
    ray = MagicMock()
    ray.cluster_resources.return_value = {"CPU": 4, "GPU": there}
    ray.nodes.return_value = [{"Alive": True, "Resources": {"CPU": 4, "GPU": there}}]
    monkeypatch.setattr("impasto.batch.ray_engine.require", lambda *_, **__: ray)
    engine = RayEngine(Plan("rows.csv", "out", "/"), 3, 2, device, None)
    engine.start()
    calls = ray.remote.return_value.options.call_args_list
    assert [call.kwargs.get("num_gpus") for call in calls] == [asked] * 3
