"""The process that crawls: it claims jobs, requests pages from Reddit, and stores the replies."""
