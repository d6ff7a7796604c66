"""The OAuth token that all workers share."""
