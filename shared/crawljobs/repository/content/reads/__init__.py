"""Read the stored posts, comments and authors for people and their programs."""
