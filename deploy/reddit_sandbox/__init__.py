"""A Reddit made up by the project itself, with the shapes and the troubles of the real one."""
