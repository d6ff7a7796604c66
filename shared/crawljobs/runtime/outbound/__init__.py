"""HTTP requests to addresses that users choose. A guard refuses addresses of internal networks.

`guard` checks an address when an endpoint is stored and again before each request.
"""
