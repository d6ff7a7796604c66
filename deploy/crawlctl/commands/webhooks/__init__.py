"""`crawlctl webhooks`: verbs.py has the command group, the other modules have some commands."""
