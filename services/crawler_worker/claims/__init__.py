"""Claims of jobs: taken, held while a crawl runs, completed."""
