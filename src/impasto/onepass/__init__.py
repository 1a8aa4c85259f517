"""Painting in one pass by a trained network."""
