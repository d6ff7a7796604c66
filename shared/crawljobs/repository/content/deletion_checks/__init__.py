"""Find deletions at Reddit: a walk through all stored items, and items that replies omit."""
