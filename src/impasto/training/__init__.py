"""Training of one-pass networks and of encoders."""
