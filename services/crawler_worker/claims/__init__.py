"""The claim of a job: claim it, hold it during the crawl, complete it."""
