"""Decides how a crawl continues when requests fail, and lists the parts that are missing."""
