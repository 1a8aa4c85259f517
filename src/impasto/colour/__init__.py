"""Colour spaces, colour matching, and the colour modes of a painting."""
