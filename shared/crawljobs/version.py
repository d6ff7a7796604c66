"""The version of crawljobs, which equals the version in pyproject.toml.

The version is repeated here, because container images contain no package metadata.
"""

VERSION = "0.1.0"
