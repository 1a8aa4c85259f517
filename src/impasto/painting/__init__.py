"""Painting by optimization, coarse to fine.

- :mod:`~impasto.painting.painter`: ``Painter``: pictures and a recipe → optimization steps
- :mod:`~impasto.painting.objective_builder`: the loss terms and their targets at each size
- :mod:`~impasto.painting.recolouring`: style pictures in the colours that the recipe gives them
- :mod:`~impasto.painting.colour_limits`: the colours that a painting may have, by its styles
- :mod:`~impasto.painting.pyramid`: the sizes and the steps at each
- :mod:`~impasto.painting.texture`: textures, also tileable: the style term alone
- :mod:`~impasto.painting.reconstruction`: pictures from the features or statistics of some layers
- :mod:`~impasto.painting.cost_model`: memory, and the tiles that fit into it
- :mod:`~impasto.painting.speed`: how fast this machine paints, kept in the cache
- :mod:`~impasto.painting.pace`: the time left, from the steps made
- :mod:`~impasto.painting.estimate`: time and memory before the start
- :mod:`~impasto.painting.snapshots`: pictures of some steps, as files or an animation
"""
