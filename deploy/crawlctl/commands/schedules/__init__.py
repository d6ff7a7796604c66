"""`crawlctl schedules`: verbs.py has the group of verbs, the other modules have some of them."""
