"""The whole system on one machine: embedded Postgres, supervisor, Reddit sandbox."""
