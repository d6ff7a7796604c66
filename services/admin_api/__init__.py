"""The REST API of operators."""

NAME = "admin-api"  # in logs, and as the application's name in Postgres
