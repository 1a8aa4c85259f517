"""What a training writes for TensorBoard."""

from __future__ import annotations

import sys

import pytest
from PIL import Image

from helpers.tensorboard_logs import scalars, shown
from impasto.errors import OptionError
from impasto.training.loop import TrainStep
from impasto.training.tensorboard import TensorBoardLog, check_tensorboard


def step(number: int, style: float = 0.5) -> TrainStep:
    return TrainStep(number, 9, {"content": 0.25, "style": style}, 0.002, 1.0)


def test_losses_sum_and_rate(tmp_path):
    log = TensorBoardLog(tmp_path)
    for number in (1, 2):
        log.add_step(step(number, number / 2))
    log.close()
    assert scalars(tmp_path, "loss/style") == [(1, 0.5), (2, 1.0)]
    assert scalars(tmp_path, "loss/sum") == [(1, 0.75), (2, 1.25)]
    assert scalars(tmp_path, "learning rate") == [(1, 0.002), (2, 0.002)]


def test_sheets_and_their_scores(tmp_path):
    log = TensorBoardLog(tmp_path)
    log.add_sheet(7, Image.new("RGB", (12, 8), "red"), {"style": 0.125})
    log.close()
    assert scalars(tmp_path, "validation/style") == [(7, 0.125)]
    (sheet,) = shown(tmp_path).Images("validation")
    assert (sheet.step, sheet.width, sheet.height) == (7, 12, 8)


def test_steps_that_are_made_again_are_purged(tmp_path):
    for first, style in ((1, 0.5), (3, 0.25)):
        log = TensorBoardLog(tmp_path)
        for number in range(first, first + 4):
            log.add_step(step(number, style))
        log.close()
    expected = [(1, 0.5), (2, 0.5), *((number, 0.25) for number in range(3, 7))]
    assert scalars(tmp_path, "loss/style") == expected


def test_without_values_no_file_is_written(tmp_path):
    TensorBoardLog(tmp_path).close()
    assert list(tmp_path.iterdir()) == []


def test_without_tensorboard_one_sentence(monkeypatch):
    monkeypatch.setitem(sys.modules, "torch.utils.tensorboard", None)
    with pytest.raises(OptionError, match=r"tensorboard needs TensorBoard: pip install '\.\[ten"):
        check_tensorboard()
