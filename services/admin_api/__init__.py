"""The REST API for operators."""

NAME = "admin-api"  # the service's name in logs and in Postgres (application_name)
