"""Masks, label pictures, and the regions of a photograph that they define.

- :mod:`~impasto.regions.regions`: ``Region``, and reading the regions that a user names
- :mod:`~impasto.regions.specs`: regions as text
- :mod:`~impasto.regions.masks`: grey masks, and their weight maps at each layer
- :mod:`~impasto.regions.label_images`: masks from label pictures with one colour per region
"""
