"""Metrics of results: pure functions on tensors, listed with their sources in one registry.

``registry``: every metric by name; how to add one.
``features``: content, Gram and moments errors of encoder features.
``ssim``: structural similarity of the luma and of edge maps.
``cfsd``: content feature structural distance.
``colours``: distances between the colour distributions of two pictures.
``chroma``: how colourful pictures are, and whether black and white stays so.
``patterns``: what a network repeats on a lattice of 8 or 16 pixels.
``variation``: total variation.
``lpips``: learned perceptual image patch similarity.
``fid``: Fréchet distance between two sets of pictures; ArtFID.
``temporal``: warping error of video frames, given optical flow.
``edges``: Sobel maps, their differences, and high-frequency energy.
``bootstrap``: confidence intervals of means.
"""
