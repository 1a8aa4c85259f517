"""Recipes: every number of a painting.

* ``recipe``: the record and its entries, each declared once
* ``presets``: recipes by name, and recipe files
"""
