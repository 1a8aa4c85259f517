"""Loss terms, their sum, and its gradient: whole or tile by tile.

- :mod:`~impasto.objective.terms`: content, style, total variation, Laplacian; the term protocols
- :mod:`~impasto.objective.picture_terms`: forms of the photograph
- :mod:`~impasto.objective.objective`: ``Objective``, a sum of terms
- :mod:`~impasto.objective.tiled`: ``TiledObjective``, the same in the memory of one tile
- :mod:`~impasto.objective.tiles`: cutting a picture into tiles with halos
- :mod:`~impasto.objective.readouts`: summaries without computing the readout's feature map
"""
