"""Johnson's network against one of PyTorch's own modules."""

from __future__ import annotations

from collections.abc import Callable

import pytest
import torch
import torch.nn.functional as F
from torch import Tensor, nn

from helpers.random_inputs import smooth_picture
from helpers.staged_passes import run_recorded
from impasto.errors import OptionError
from impasto.networks.johnson import JohnsonNetwork, JohnsonShape


def small(norm: str = "instance", *, train: bool = False) -> JohnsonNetwork:
    torch.manual_seed(0)
    network = JohnsonNetwork(JohnsonShape((4, 6, 8), 2, norm))
    return network.train(train).requires_grad_(train)


def styles(network: JohnsonNetwork, count: int) -> Tensor:
    random = torch.Generator().manual_seed(1)
    return 0.5 * torch.randn(count, network.style_size, generator=random)


Norm = Callable[[str, Tensor], Tensor]


def johnson_of_torch(network: JohnsonNetwork, image: Tensor, style: Tensor, norm: Norm) -> Tensor:
    """The same network of torch's own parts."""
    affine = network.split(style)

    def convolved(name: str, x: Tensor) -> Tensor:
        own = network.convolutions[name]
        assert isinstance(own, nn.Conv2d)
        kernel, options = own.kernel_size[0], {"bias": own.bias is not None}
        conv = nn.Conv2d(*own.weight.shape[1::-1], kernel, own.stride, kernel // 2, **options,
                         padding_mode="reflect")  # fmt: skip
        conv.load_state_dict(own.state_dict())
        return conv(x)

    def normal(name: str, x: Tensor) -> Tensor:
        scale, shift = affine[name]
        return norm(name, convolved(name, x)) * scale[..., None, None] + shift[..., None, None]

    x = image
    for name in ("first", "smaller", "smallest"):
        x = normal(name, x).relu()
    for index in range(network.shape.blocks):
        x = x + normal(f"block{index}b", normal(f"block{index}a", x).relu())
    for name in ("larger", "largest"):
        x = normal(name, nn.Upsample(scale_factor=2)(x)).relu()
    return convolved("picture", x).sigmoid()


def two_pictures() -> Tensor:
    return torch.cat([smooth_picture(24, 32, seed=1), 0.3 * smooth_picture(24, 32, seed=2)])


def test_johnson_is_his_network_with_instance_normalization():
    network, images = small(), two_pictures()
    vectors = styles(network, 2)
    expected = johnson_of_torch(network, images, vectors, lambda _, x: F.instance_norm(x))
    torch.testing.assert_close(network(images, vectors), expected, rtol=0, atol=1e-4)


def test_johnson_in_training_is_his_network_with_batch_normalization():
    network, images = small("batch", train=True), two_pictures()
    vectors = styles(network, 2)
    inputs: dict[str, Tensor] = {}

    def norm(name: str, x: Tensor) -> Tensor:
        inputs[name] = x
        return F.batch_norm(x, None, None, training=True)

    expected = johnson_of_torch(network, images, vectors, norm)
    torch.testing.assert_close(network(images, vectors), expected, rtol=0, atol=1e-4)
    for name, x in inputs.items():
        moments = torch.stack([x.mean((0, 2, 3)), x.square().mean((0, 2, 3))])
        start = torch.tensor([[0.0], [1.0]])
        kept = network.get_buffer(f"{name}_moments")
        torch.testing.assert_close(kept, 0.9 * start + 0.1 * moments, rtol=1e-4, atol=1e-5)


def test_johnson_after_training_goes_by_the_running_moments():
    network, images = small("batch", train=True), two_pictures()
    vectors = styles(network, 2)
    for _ in range(3):
        network(images, vectors)
    network.eval()
    kept = {key: value.clone() for key, value in network.named_buffers()}

    def norm(name: str, x: Tensor) -> Tensor:
        mean, square = network.get_buffer(f"{name}_moments")
        return F.batch_norm(x, mean, square - mean.square())

    painted, sent = run_recorded(network.staged_forward(images, network.split(vectors)))
    assert sent == []
    expected = johnson_of_torch(network, images, vectors, norm)
    torch.testing.assert_close(painted, expected, rtol=0, atol=1e-4)
    assert all(torch.equal(value, kept[key]) for key, value in network.named_buffers())
    assert kept.keys() <= network.state_dict().keys()


def test_johnson_has_the_papers_size():
    """Dumoulin et al.: some 1.6 million weights, and about 3 thousand for each style."""
    network = JohnsonNetwork()
    assert sum(weight.numel() for weight in network.parameters()) == 1_674_435
    assert (network.style_size, network.halo, network.stride) == (3200, 55, 4)


@pytest.mark.parametrize("wrong", [{"norm": "layer"}, {"blocks": -1}, {"widths": (8, 0, 8)}])
def test_an_impossible_shape_is_refused(wrong):
    with pytest.raises(OptionError):
        JohnsonShape(**wrong)
