"""The version of crawlctl. A release of crawljobs contains the crawlctl of the same version."""

VERSION = "0.1.0"
