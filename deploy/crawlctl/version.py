"""The version of crawlctl, which equals the version of crawljobs that it was made for."""

VERSION = "0.1.0"
