"""Rules that every route shares: authentication, request reading, problems, response headers."""
