"""Impasto by ``torch.hub``, without an installation: one-pass models, and the function ``paint``.

::

    model = torch.hub.load("impasto/impasto", "multi")
    painted = model(image, "starry-night")  # (B, 3, H, W) in [0, 1], both
"""

from __future__ import annotations

import sys as _sys
from collections.abc import Callable as _Callable
from pathlib import Path as _Path
from typing import TYPE_CHECKING as _TYPE_CHECKING
from typing import Any as _Any
from typing import cast as _cast

import torch as _torch

if _TYPE_CHECKING:
    from impasto import Picture

dependencies = [
    "torch", "numpy", "scipy", "PIL", "safetensors", "platformdirs", "psutil", "rich", "tomli_w",
]  # fmt: skip
"""What torch.hub checks for, as it installs nothing."""


def any_style() -> _torch.nn.Module:
    """The one-pass model for any style picture.

    Returns:
        A module: ``model(image, style, strength=1.0, style_scale=1.0)``. ``image`` is a batch
        (B, 3, H, W), sRGB in [0, 1]; ``style`` a path, a Pillow image, an array (H, W, 3) or a
        tensor (3, H, W). It returns (B, 3, H, W) in [0, 1] on the image's device.
    """
    return _OnePass("any")


def multi() -> _torch.nn.Module:
    """The one-pass model of thirty-four works, by name.

    Returns:
        A module as that of ``any_style``; ``style`` is one of ``model.style_names``, such as
        ``"starry-night"``.
    """
    return _OnePass("multi")


def one_pass(name: str) -> _torch.nn.Module:
    """A one-pass model of your own.

    Args:
        name: Of a model that ``impasto models add`` knows, or the path of a ``.safetensors`` file
            that ``impasto train`` made.

    Returns:
        A module as that of ``any_style`` or of ``multi``.
    """
    return _OnePass(name)


def paint() -> _Callable[..., _Any]:
    """The function ``impasto.paint``: a picture painted by optimization.

    Returns:
        The function: ``paint("photo.jpg", "painting.jpg", size=512).save("out.png")``.
    """
    return _cast("_Callable[..., _Any]", _impasto().paint)


class _OnePass(_torch.nn.Module):
    """A one-pass model as a module.

    Args:
        name: See :func:`impasto.open_network`.
    """

    def __init__(self, name: str) -> None:
        super().__init__()
        self.model = _impasto().open_network(name)
        self.network, self.predictor = self.model.network, self.model.predictor  # as submodules

    @property
    def style_names(self) -> list[str]:
        """The styles that it knows by name."""
        return list(self.model.style_names)

    @_torch.no_grad()
    def forward(
        self,
        image: _torch.Tensor,
        style: str | Picture | _Any,
        strength: float = 1.0,
        style_scale: float = 1.0,
    ) -> _torch.Tensor:
        """Paint a batch (B, 3, H, W), sRGB in [0, 1], in one style."""
        stylizer = _impasto().Stylizer(
            style,
            model=self.model,
            strength=strength,
            style_scale=style_scale,
            device=image.device,
        )
        return _torch.cat([stylizer.paint(one) for one in _torch.split(image, 1)])


def _impasto() -> _Any:
    """The package of this very repository, unless another one is in use already."""
    source = str(_Path(__file__).resolve().parent / "src")
    if "impasto" not in _sys.modules and source not in _sys.path:
        _sys.path.insert(0, source)
    import impasto

    return impasto
