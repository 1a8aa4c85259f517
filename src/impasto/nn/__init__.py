"""Convolutions, padding and bands: building blocks below encoders and networks."""
