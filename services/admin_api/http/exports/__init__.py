"""Stream an export of content: lines, compression, limits."""
