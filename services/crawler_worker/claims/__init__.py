"""Claims jobs, extends the claims during the crawls, and completes the claims."""
