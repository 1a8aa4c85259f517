"""Style vectors read off a style's statistics; those that *are* statistics are in test_adain."""

from __future__ import annotations

import pytest
import torch
from torch import Tensor

from impasto.losses.moments import Summary
from impasto.losses.statistics import STATISTICS, mix
from impasto.networks.style_predictor import StylePredictor

CHANNELS = {"relu1_1": 3, "relu2_1": 6}
OUTPUTS = 7


def summaries(count: int, seed: int = 0) -> dict[str, Summary]:
    """Of features that differ in mean and size, from style to style and channel to channel."""
    random = torch.Generator().manual_seed(seed)
    found = {}
    for name, width in CHANNELS.items():
        size, offset = torch.randn(2, count, width, 1, 1, generator=random)
        x = torch.randn(count, width, 8, 8, generator=random) * size.exp() + 3 * offset
        found[name] = STATISTICS["gaussian-ot"].summary(x, None)
    return found


@pytest.fixture
def predictor() -> StylePredictor:
    torch.manual_seed(0)
    return StylePredictor(CHANNELS, OUTPUTS, directions=4, hidden=16)


def first_input(predictor: StylePredictor, summary: dict[str, Summary]) -> Tensor:
    """The input of the first linear layer."""
    inputs: list[Tensor] = []
    with predictor.first.register_forward_pre_hook(lambda _, args: inputs.append(args[0])):
        predictor(summary)
    return inputs[0].detach()


def test_a_vector_for_each_style_whatever_else_is_in_the_batch(predictor):
    both = summaries(2)
    vectors = predictor(both)
    assert vectors.shape == (2, OUTPUTS)
    assert predictor.layers == tuple(CHANNELS)
    assert not torch.allclose(vectors[0], vectors[1])
    for index in (0, 1):
        alone = {
            name: {key: value[index : index + 1] for key, value in summary.items()}
            for name, summary in both.items()
        }
        torch.testing.assert_close(predictor(alone), vectors[index : index + 1])


def test_it_is_told_means_deviations_and_pairs(predictor):
    found, both = first_input(predictor, summaries(2)), summaries(2)
    moments, pairs = [], []
    for name, width in CHANNELS.items():
        mean, gram = both[name]["mean"], both[name]["gram"]
        variance = gram.diagonal(dim1=1, dim2=2) - mean**2
        moments += [mean / (mean.abs() + 0.05).sqrt(), (variance + 1e-6).log() / 2]
        view = predictor.views[name].detach()
        assert view.shape == (width, min(4, width))
        for row in range(view.shape[1]):
            for column in range(row, view.shape[1]):
                value = torch.einsum("c,bcd,d->b", view[:, row], gram, view[:, column])
                value = value / gram.diagonal(dim1=1, dim2=2).mean(1)
                pairs.append((value / (value.abs() + 0.05).sqrt())[:, None])
    expected = torch.cat([*moments, *pairs], 1)
    torch.testing.assert_close(found, expected, rtol=1e-4, atol=1e-4)


def test_standardized_moments_have_zero_mean_and_unit_spread(predictor):
    batches = [summaries(8, seed) for seed in range(8)]
    width = predictor.centre.numel()
    before = torch.cat([first_input(predictor, batch) for batch in batches])
    predictor.standardize(batches)
    after = torch.cat([first_input(predictor, batch) for batch in batches])
    moments = after[:, :width]
    assert float(moments.mean(0).abs().max()) < 1e-4
    assert float((moments.std(0) - 1).abs().max()) < 0.01
    assert float((before[:, :width].std(0) - 1).abs().max()) > 0.1
    assert torch.equal(after[:, width:], before[:, width:])
    assert {"centre", "spread"} <= predictor.state_dict().keys()


def test_gradients_reach_every_parameter_and_the_summaries(predictor):
    batch = summaries(3)
    for summary in batch.values():
        for value in summary.values():
            value.requires_grad_(True)
    predictor(batch).sin().sum().backward()
    for key, parameter in predictor.named_parameters():
        assert parameter.grad is not None, key
        assert bool(parameter.grad.any()), key
    for summary in batch.values():
        assert all(bool(value.grad.any()) for value in summary.values())


def test_even_and_silent_channels_have_finite_vectors_and_gradients(predictor):
    even = {
        name: {
            "mean": torch.zeros(1, width, requires_grad=True),
            "gram": torch.zeros(1, width, width, requires_grad=True),
        }
        for name, width in CHANNELS.items()
    }
    vectors = predictor(even)
    vectors.sum().backward()
    assert bool(torch.isfinite(vectors).all())
    for summary in even.values():
        assert all(bool(torch.isfinite(value.grad).all()) for value in summary.values())


def test_mixed_summaries_lead_from_one_vector_to_the_other(predictor):
    first, second = summaries(1, 1), summaries(1, 2)

    @torch.no_grad()
    def at(share: float) -> Tensor:
        return predictor({k: mix([first[k], second[k]], [1 - share, share]) for k in CHANNELS})

    torch.testing.assert_close(at(0.0), predictor(first))
    torch.testing.assert_close(at(1.0), predictor(second))
    assert 0 < float((at(0.501) - at(0.5)).norm()) < 0.02 * float((at(1.0) - at(0.0)).norm())
