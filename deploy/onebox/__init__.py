"""`./run demo` runs the whole system on one machine, with a Postgres of its own."""
