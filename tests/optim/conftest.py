"""An objective that the tests of the optimizers share."""

from __future__ import annotations

import pytest
import torch.nn.functional as F

from impasto.encoders.vgg import Encoder
from impasto.objective.objective import Objective
from impasto.objective.terms import ContentTerm, StyleTerm


@pytest.fixture(scope="module")
def painting_objective(encoder: Encoder, content, style) -> Objective:
    """A real objective, for pictures of 32 pixels."""
    small = F.interpolate(content.tensor, (32, 32), mode="area")
    target = F.interpolate(style.tensor, (32, 32), mode="area")
    return Objective(
        [
            ContentTerm(encoder(small, ["relu3_1"]), weight=0.3),
            StyleTerm(encoder(target, ["relu1_1", "relu2_1", "relu4_1"])),
        ],
        encoder,
    )
