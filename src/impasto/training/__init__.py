"""Training of one-pass networks and of encoders.

* ``loop``: one run with log, checkpoints and exact resumption; ``pace``: its time left.
* ``settings``: how one-pass networks are trained, and the papers' presets.
* ``network``: training one-pass networks; ``any_style`` and ``fixed_styles``: its two kinds.
* ``terms``: loss terms of the picture itself: palette, smoothness, checkerboards.
* ``validation``: unseen pairs painted and scored.
* ``distillation``: a small encoder from a large one; with ``image_pool`` and ``muon``.
* ``crops``: folders as training crops; ``augmentation``: varied; ``prefetch``: drawn ahead.
* ``distributed``: several processes; ``tensorboard``: losses and sheets for TensorBoard.
"""
