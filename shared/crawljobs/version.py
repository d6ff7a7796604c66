"""The version of crawljobs, as in pyproject.toml. The images have no package metadata to read."""

VERSION = "0.1.0"
