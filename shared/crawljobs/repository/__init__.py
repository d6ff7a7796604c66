"""All SQL statements that the services execute."""
