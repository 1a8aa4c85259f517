"""One-pass networks: one forward pass paints a picture in the style of a vector.

* ``base``: what all share, and one pass from top to bottom.
* ``normalization``: staged forward passes, normalization, reflection padding, noise.
* ``kind``: how a kind of network is built, described and read.
* ``registry``: the kinds by name; ``johnson``, ``adain``, ``paint_network`` (what ships) and
  ``stroke_network``.
* ``coarse_maps``, ``half_size``: what the last two share; their first and last layers.
* ``colour_map``, ``filter_bank``: what a style decides in ``stroke_network`` besides γ and β.
* ``region_maps``: γ and β that change from place to place.
* ``style_predictor``: style vectors from the statistics of a style picture.
* ``shapes``: sizes of networks; ``styles``: how styles are read.
* ``descriptions``: what files say of themselves.
* ``model``: a network with its styles; ``files``: saved and loaded; ``catalogue``: by name.
* ``net2net``: a trained network with more blocks.
"""
