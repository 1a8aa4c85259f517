"""Optimizers of pixels: L-BFGS and Adam, the preconditioner, and the loop of steps."""
