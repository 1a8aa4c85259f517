"""Optimizers of pixels, each a generator of steps that a caller can stop at any time.

* :mod:`impasto.optim.loop`: ``optimize`` and ``descend``, the loop that yields every step.
* :mod:`impasto.optim.divergence`: restores the last good picture after a step that diverged.
* :mod:`impasto.optim.optimizers`: the optimizers by name.
* :mod:`impasto.optim.interface`: what an optimizer offers, and what it needs of an objective.
* :mod:`impasto.optim.constraints`: the pictures that are allowed, as a projection onto them.
* :mod:`impasto.optim.adam`: Adam, with the average of its iterates as the picture.
* :mod:`impasto.optim.lbfgs`: L-BFGS inside the box [0, 1] or another constraint.
* :mod:`impasto.optim.line_search`: the strong-Wolfe line search of L-BFGS.
* :mod:`impasto.optim.inverse_hessian`: the two-loop recursion of L-BFGS, and its initial guess.
* :mod:`impasto.optim.dct`: the orthonormal cosine transform, on any device.
* :mod:`impasto.optim.preconditioner`: steps shaped like the spectrum of photographs.
* :mod:`impasto.optim.circular_preconditioner`: the same for pictures that tile.
"""
