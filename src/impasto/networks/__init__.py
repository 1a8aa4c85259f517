"""One-pass networks: architectures, style predictor, files and catalogue."""
