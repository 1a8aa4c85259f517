"""Figures for results: each a pure function on tensors, all of them in :mod:`metrics.table`."""
