"""Measurements of the production code, as figures and ratios of one run: ./run bench."""
