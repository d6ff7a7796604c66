"""A simulated Reddit with invented content. Its replies and faults have the real Reddit's form."""
