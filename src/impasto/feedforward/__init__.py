"""One-pass painting: a network that was trained beforehand paints a picture in one go."""
