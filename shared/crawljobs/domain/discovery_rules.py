"""How much evidence the crawl of a discovered subreddit requires."""

from __future__ import annotations

from datetime import timedelta

# Each of these thresholds is sufficient by itself. Anyone can write a mention, so several authors
# must mention a subreddit.
AUTHORS_ENOUGH = 1
CROSSPOSTS_ENOUGH = 2
MENTIONS_ENOUGH = 3

# Weights of the kinds of evidence, when the best candidates are chosen.
AUTHOR_WEIGHT, CROSSPOST_WEIGHT, MENTION_WEIGHT = 3, 2, 1

# The request limit of discovery from one root applies to this period.
ROOT_PERIOD = timedelta(days=30)
# Evidence is deleted when no new evidence has come for this time.
EVIDENCE_LIVES = timedelta(days=90)
