"""What several commands share: options, progress bars, outputs, messages."""
