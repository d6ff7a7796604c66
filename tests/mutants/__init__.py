"""Mutation tests: change the production code at one place and check that a test fails."""
