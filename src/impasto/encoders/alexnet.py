"""AlexNet's five convolutional layers, for LPIPS."""

from __future__ import annotations

from torch import Tensor, nn

from impasto.errors import ImageError

MINIMUM_SIDE = 31
"""The smallest width and height of an image, in pixels: one position at the deepest layer."""

# Channels in, channels out, kernel, stride, padding, whether a pooling comes before.
_CONVOLUTIONS = (
    (3, 64, 11, 4, 2, False),
    (64, 192, 5, 1, 2, True),
    (192, 384, 3, 1, 1, True),
    (384, 256, 3, 1, 1, False),
    (256, 256, 3, 1, 1, False),
)


class AlexNet(nn.Module):
    """The convolutions of Krizhevsky 2014, arXiv:1404.5997, under torchvision's names."""

    def __init__(self) -> None:
        super().__init__()
        layers: list[nn.Module] = []
        for channels_in, channels_out, kernel, stride, padding, is_pooled in _CONVOLUTIONS:
            layers += [nn.MaxPool2d(3, 2)] * is_pooled
            layers += [nn.Conv2d(channels_in, channels_out, kernel, stride, padding), nn.ReLU()]
        self.features = nn.Sequential(*layers)

    def forward(self, picture: Tensor) -> list[Tensor]:
        """The outputs of the five rectifiers, (B, C, H', W').

        Args:
            picture: (B, 3, H, W), sRGB in [0, 1]; normalized inside, as for torchvision's networks.

        Raises:
            ImageError: For a side of fewer than ``MINIMUM_SIDE`` pixels.
        """
        height, width = picture.shape[-2:]
        if min(height, width) < MINIMUM_SIDE:
            raise ImageError(
                f"A picture of {width}×{height} px is too small for AlexNet: it needs at least "
                f"{MINIMUM_SIDE} px each way."
            )
        mean = picture.new_tensor((0.485, 0.456, 0.406)).view(3, 1, 1)
        std = picture.new_tensor((0.229, 0.224, 0.225)).view(3, 1, 1)
        x = ((picture - mean) / std).to(next(self.parameters()).dtype)
        features = []
        for layer in self.features:
            x = layer(x)
            if isinstance(layer, nn.ReLU):
                features.append(x)
        return features
