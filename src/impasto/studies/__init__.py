"""Studies: one pair of pictures painted with many recipes, and what a layer responds to.

* ``sweeps``: sweeps and named studies; ``study``: their pictures in a folder
* ``workers``: the pictures of a study painted in several processes
* ``feature_visualization``: feature maps, strongest patches, and pictures that excite a channel
"""
