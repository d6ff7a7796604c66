"""One HTTP request: its id, body, parameters, deadline, database transaction and trace."""
