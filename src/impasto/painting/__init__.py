"""Painting by optimization, coarse to fine; textures and reconstructions."""
