"""One bounded statement for each sweep over the queue."""
