import torch
from torch import nn

from impasto.training.fixed_styles import StyleTable


def test_a_table_of_styles():
    table = StyleTable({"a": torch.ones(3), "b": torch.zeros(3)}, frozen=["b"])
    found = table(["b", "a", "b"])
    assert torch.equal(found, torch.tensor([[0.0] * 3, [1.0] * 3, [0.0] * 3]))
    found.sum().backward()
    assert [row.grad is not None for row in table.rows] == [True, False]
    assert isinstance(table, nn.Module)
