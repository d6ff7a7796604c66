"""The version. It equals the version in pyproject.toml.

It is repeated here, because container images contain no package metadata.
"""

VERSION = "0.1.0"
