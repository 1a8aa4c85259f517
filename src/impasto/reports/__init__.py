"""What happened in a painting, as one page that opens from disk."""
