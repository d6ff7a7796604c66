"""The OAuth token for Reddit's API, which all workers share."""
