"""Masks, label pictures, and the regions of a photograph that they define.

- :mod:`~impasto.regions.regions`: ``Region``, and reading the regions that a user names
- :mod:`~impasto.regions.masks`: grey masks, their parsing, and their weight maps at each layer
- :mod:`~impasto.regions.label_images`: masks from label pictures with one colour per region
"""
