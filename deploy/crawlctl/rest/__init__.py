"""The client of the REST API: requests, repetitions, errors, lists, polling."""
