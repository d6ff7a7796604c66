"""Code that all services share: rules, tables, SQL statements and the runtime of a process."""
