"""`./run bench` measures the production code. The results are figures and ratios of one run."""
