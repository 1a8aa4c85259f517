"""Recipes that name several encoders: which one a run uses, and what is told of it."""

from __future__ import annotations

import dataclasses

from impasto.errors import option
from impasto.jobs.requests import Request, StylizeRequest
from impasto.weights.open import choose_encoder
from impasto.weights.records import WEIGHTS


def with_encoder_at_hand(request: Request) -> tuple[Request, str]:
    """The request with the one encoder that it is run with, and a notice if it is a substitute.

    The papers' recipes name VGG-19, which is a large download, or the built-in encoder. The
    metadata of a picture tell which of them was used, so that it is made again with the same.
    """
    if isinstance(request, StylizeRequest) or not isinstance(request.recipe.encoder, str):
        return request, ""
    asked = request.recipe.encoder
    chosen = choose_encoder(asked)
    if chosen == asked:
        return request, ""
    recipe = request.recipe.replace(encoder=chosen)
    return dataclasses.replace(request, recipe=recipe), substitute_notice(asked, chosen)


def substitute_notice(asked: str, chosen: str) -> str:
    """What to tell a person whose recipe names an encoder that is not there; may be empty.

    Args:
        asked: Of the recipe, such as ``vgg19 or compact``.
        chosen: The one that is used.
    """
    first = asked.partition(" or ")[0]
    if chosen == first:
        return ""
    size = f" ({WEIGHTS[first].bytes / 1e6:.0f} MB)" if first in WEIGHTS else ""
    return (
        f"The recipe's encoder {first} is not on this machine: {chosen}, a small network that was "
        f"trained to see like it, is used, so the picture is near to the recipe's but not the "
        f"same. {option('encoder')} {first} downloads it once{size}."
    )
