"""Loss terms, their sum, and its gradient: whole or tile by tile."""
