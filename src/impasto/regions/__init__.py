"""Masks, label pictures, and the regions that they make of a picture."""
