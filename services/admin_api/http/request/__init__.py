"""One request: its id, body, parameters, deadline, database transaction, trace."""
