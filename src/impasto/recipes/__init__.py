"""Recipes: every number of a painting, with presets."""
