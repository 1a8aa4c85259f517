"""Losses: pure functions on tensors, each checked in float64 against its formula.

* :mod:`impasto.losses.statistics`: what a style is, and how far two styles are apart.
* :mod:`impasto.losses.content`: how far two feature maps are apart.
* :mod:`impasto.losses.total_variation`: how rough a picture is.
"""
