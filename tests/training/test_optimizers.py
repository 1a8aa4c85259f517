import pytest
import torch
from torch import nn

from impasto.training.muon import Muon
from impasto.training.optimizers import matrix_optimizers, set_rates


def module() -> nn.Module:
    torch.manual_seed(0)
    return nn.Sequential(nn.Conv2d(3, 4, 3), nn.Linear(4, 2))


def stepped(optimizers, made: nn.Module) -> dict[str, torch.Tensor]:
    before = {name: p.detach().clone() for name, p in made.named_parameters()}
    for number, parameter in enumerate(made.parameters()):
        parameter.grad = torch.randn(
            parameter.shape, generator=torch.Generator().manual_seed(number)
        )
    for optimizer in optimizers:
        optimizer.step()
    return {name: p.detach() - before[name] for name, p in made.named_parameters()}


def test_matrices_turn_by_orthogonal_steps_and_the_rest_by_adam():
    made = module()
    optimizers = matrix_optimizers(
        list(made.parameters()), [made[0].weight], matrix_rate=0.1, rate=0.01
    )
    assert [type(each) for each in optimizers] == [Muon, torch.optim.Adam]
    changes = stepped(optimizers, made)
    singular = torch.linalg.svdvals(changes["0.weight"].flatten(1))
    assert singular.min() > 0.05  # 0.1 times those of Muon, 0.7 to 1.2
    assert singular.max() < 0.13
    for name in ("0.bias", "1.weight", "1.bias"):  # Adam's first step has the rate's size
        torch.testing.assert_close(changes[name].abs(), torch.full_like(changes[name], 0.01))


@pytest.mark.parametrize("chosen", [0, 4])
def test_without_one_of_both_kinds_there_is_one_optimizer(chosen):
    parameters = [nn.Parameter(torch.ones(2, 3, 3, 3))] + [
        nn.Parameter(torch.ones(2, 2)) for _ in range(3)
    ]
    made = matrix_optimizers(parameters, parameters[:chosen], matrix_rate=0.1, rate=0.01)
    assert [type(each) for each in made] == [Muon if chosen else torch.optim.Adam]


def test_rates_are_shares_of_the_peaks():
    made = module()
    optimizers = matrix_optimizers(
        list(made.parameters()), [made[0].weight], matrix_rate=0.1, rate=0.01
    )
    set_rates(optimizers, 0.5)
    set_rates(optimizers, 0.25)
    rates = [group["lr"] for each in optimizers for group in each.param_groups]
    assert rates == pytest.approx([0.025, 0.0025])
