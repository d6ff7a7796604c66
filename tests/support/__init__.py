"""Helper code that tests of several kinds share."""
