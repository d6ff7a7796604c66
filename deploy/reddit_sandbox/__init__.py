"""A simulated Reddit: invented content, with the reply shapes and faults of the real one."""
