"""`./run demo` runs the whole system on one machine: database, services and Reddit sandbox."""
