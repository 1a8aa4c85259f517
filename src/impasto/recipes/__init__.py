"""Recipes: every number of a painting.

* ``recipe``: the record and its entries, each declared once
* ``choices``: names that entries may have
* ``presets``: recipes by name, and recipe files
"""
