"""The parts of one request: id, body, parameters, deadline, database transaction, trace."""
