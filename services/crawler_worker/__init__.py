"""The crawler worker: a process that claims jobs, requests pages from Reddit and stores them."""
