"""The version, as in pyproject.toml. It is stored here, as images have no package metadata."""

VERSION = "0.1.0"
