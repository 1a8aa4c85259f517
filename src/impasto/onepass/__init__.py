"""Pictures painted in one pass by a trained network.

* ``stylizer``: ``impasto.Stylizer``; styles of any source, colours, regions.
* ``stylist``: style vectors read, mixed and painted with.
* ``tiling``: a network over a picture of any size, in tiles that agree.
* ``style_files``: style vectors in files.
"""
