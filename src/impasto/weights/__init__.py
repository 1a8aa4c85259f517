"""Published and built-in weights: records, download, conversion, opening by name."""
