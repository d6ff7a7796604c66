"""Parts of a crawl that failed or were not reached, and the crawl's reaction."""
