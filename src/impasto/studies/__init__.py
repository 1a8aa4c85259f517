"""Studies: one pair of pictures painted with many recipes, and what a layer responds to.

* ``study``: sweeps, named studies, and their pictures in a folder
* ``workers``: the pictures of a study painted in several processes
* ``feature_visualization``: feature maps, strongest patches, and pictures that excite a channel
"""
