"""The REST API for operators."""

NAME = "admin-api"  # in logs, and as the application's name in Postgres
