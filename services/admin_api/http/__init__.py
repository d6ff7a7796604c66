"""The rules that all routes share: authentication, request reading, problems, response headers."""
