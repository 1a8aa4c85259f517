"""A small painting enlarged to the size of its photograph, with the photograph's edges.

* ``guided``: the enlargement of a picture of any size, in tiles.
* ``steps``: what is done to the pixels at each doubling.
"""
