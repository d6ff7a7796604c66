"""crawlctl: the operator's command line. It speaks the REST API of the admin-api, nothing else."""
