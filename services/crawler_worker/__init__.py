"""The process that crawls: claims jobs, asks Reddit, stores the replies."""
