"""Losses: pure functions on tensors, each tested in float64 against its formula.

* :mod:`impasto.losses.registry`: the table of style statistics.
* :mod:`impasto.losses.statistics`: Gram matrices and moments, mixtures, and the style loss.
* :mod:`impasto.losses.moments`: means and Gram matrices of feature maps under weight maps.
* :mod:`impasto.losses.mmd`: maximum mean discrepancy with linear, quadratic and Gaussian kernels.
* :mod:`impasto.losses.sliced`: the sliced Wasserstein distance.
* :mod:`impasto.losses.bures`: the Bures distance of covariance matrices.
* :mod:`impasto.losses.content`: squared errors of feature maps, and the content loss.
* :mod:`impasto.losses.laplacian`: the Laplacian of a picture at several scales.
* :mod:`impasto.losses.structure`: where light and dark lie in a photograph.
* :mod:`impasto.losses.total_variation`: four kinds of total variation.
"""
