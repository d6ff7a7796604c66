"""Reddit's API: one client, its token, the shared budget, and what replies mean."""
