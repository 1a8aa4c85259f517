"""Banks of filters against sums of plain convolutions."""

from __future__ import annotations

import torch
import torch.nn.functional as F
from torch import Tensor

from impasto.networks.filter_bank import FilterBank


def bank(count: int = 3) -> FilterBank:
    torch.manual_seed(0)
    made = FilterBank(count, 4, 5, bias=True).requires_grad_(False)
    made.bias.copy_(torch.randn(5))
    return made


def expected(made: FilterBank, x: Tensor, shares: Tensor) -> Tensor:
    """One picture, one style, in double precision."""
    x = F.pad(x.double(), (1, 1, 1, 1), mode="reflect")
    filters = made.weight.double().view(made.count, 5, 4, 3, 3)
    result = F.conv2d(x, filters[0], made.bias.double())
    for share, weight in zip(shares.double().tanh(), filters[1:], strict=True):
        result = result + share * F.conv2d(x, weight)
    return result


def test_a_style_for_each_picture():
    made, x, shares = bank(), torch.randn(2, 4, 8, 9), torch.randn(2, 2)
    for found in (made(x, shares), with_gradients(made, x, shares)):
        for index in range(2):
            one = expected(made, x[index : index + 1], shares[index])
            torch.testing.assert_close(found[index : index + 1].double(), one, rtol=1e-4, atol=1e-5)


def with_gradients(made: FilterBank, x: Tensor, shares: Tensor) -> Tensor:
    with torch.enable_grad():
        return made.requires_grad_(True)(x, shares).detach()


@torch.no_grad()
def test_one_style_for_a_batch():
    made, x, shares = bank(), torch.randn(3, 4, 8, 9), torch.randn(1, 2)
    torch.testing.assert_close(made(x, shares), made(x, shares.expand(3, -1)))


@torch.no_grad()
def test_styles_by_place():
    made, x, shares = bank(), torch.randn(1, 4, 8, 9), torch.randn(1, 2)
    torch.testing.assert_close(
        made(x, shares[:, :, None, None].expand(-1, -1, 8, 9)), made(x, shares)
    )
    maps = torch.randn(1, 2, 8, 9)
    found = made(x, maps)
    at = made(x, maps[:, :, 3, 4])
    torch.testing.assert_close(found[:, :, 3, 4], at[:, :, 3, 4])


@torch.no_grad()
def test_a_single_set_of_filters_ignores_styles():
    made, x = bank(1), torch.randn(1, 4, 6, 6)
    found = made(x, torch.empty(1, 0)).double()
    torch.testing.assert_close(found, expected(made, x, torch.empty(0)), rtol=1e-4, atol=1e-5)


def test_gradients_reach_filters_and_shares():
    made = bank().double().requires_grad_(True)
    x, shares = torch.randn(2, 4, 5, 6).double(), torch.randn(2, 2).double().requires_grad_(True)
    # The weight is no argument of the layer: gradcheck changes it in place.
    assert torch.autograd.gradcheck(lambda shares, weight: made(x, shares), (shares, made.weight))
