"""One-pass networks: one forward pass paints a picture in the style of a vector.

* ``base``: what all share, and one pass from top to bottom.
* ``normalization``: staged forward passes, normalization, reflection padding, noise.
* ``kind``: how a kind of network is built, described and read.
* ``registry``: the kinds by name; ``johnson``, ``adain`` and ``paint_network`` (what ships).
* ``half_size``: the first and last layers of ``paint_network``, with few copies.
* ``style_predictor``: style vectors from the statistics of a style picture.
* ``shapes``: sizes of networks; ``styles``: how styles are read.
* ``descriptions``: what files say of themselves.
* ``model``: a network with its styles; ``files``: saved and loaded; ``catalogue``: by name.
* ``net2net``: a trained network with more blocks.
"""
