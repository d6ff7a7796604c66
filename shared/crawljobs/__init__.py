"""Code that all processes share: rules, tables, statements, runtime."""
