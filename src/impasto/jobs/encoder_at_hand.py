"""Recipes that name several encoders: which one a run uses, and what is told of it."""

from __future__ import annotations

import dataclasses

from impasto.jobs.requests import StylizeRequest
from impasto.jobs.video_request import AnyRequest
from impasto.weights.open import choose_encoder, substitute_notice


def with_encoder_at_hand(request: AnyRequest) -> tuple[AnyRequest, str]:
    """The request with the one encoder that it is run with, and a notice if it is a substitute.

    The papers' recipes name VGG-19, which is a large download, or the built-in encoder. The
    metadata of a picture tell which of them was used, so that it is made again with the same.
    """
    if isinstance(request, StylizeRequest) or request.recipe is None:
        return request, ""
    if not isinstance(request.recipe.encoder, str):
        return request, ""
    asked = request.recipe.encoder
    chosen = choose_encoder(asked)
    if chosen == asked:
        return request, ""
    recipe = request.recipe.replace(encoder=chosen)
    return dataclasses.replace(request, recipe=recipe), substitute_notice(asked)
