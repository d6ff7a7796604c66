"""The version of this code, equal to pyproject.toml: the images contain no package metadata."""

VERSION = "0.1.0"
