"""The version of this code, as pyproject.toml has it: the images hold no package metadata."""

VERSION = "0.1.0"
