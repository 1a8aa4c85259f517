"""Pictures painted in one pass by a trained network.

* ``stylizer``: ``impasto.Stylizer``; styles of any source, colours, regions.
* ``sized_painting``: strokes of the size asked for, in pictures of any size.
* ``stroke_size``: the size at which a picture is painted for that.
* ``stylist``: style vectors read, mixed and painted with.
* ``tiling``: a network over a picture of any size, in tiles that agree.
* ``style_files``: style vectors in files.
"""
