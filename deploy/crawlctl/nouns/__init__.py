"""The columns of each kind of object that the API returns."""
