"""Networks that turn a picture into features by layer name."""
