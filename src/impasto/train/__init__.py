"""Training: pictures in, weights out, resumable to the bit."""
