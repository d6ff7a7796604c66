"""How much must lead to a subreddit that nobody asked for, before it is crawled."""

from __future__ import annotations

from datetime import timedelta

# One of these is enough. Mentions are cheap to make, so they must come from several.
AUTHORS_ENOUGH = 1
CROSSPOSTS_ENOUGH = 2
MENTIONS_ENOUGH = 3

# What an author in common weighs against a mention, when the best are chosen.
AUTHOR_WEIGHT, CROSSPOST_WEIGHT, MENTION_WEIGHT = 3, 2, 1

# What discovery from one root may spend is counted over this time.
ROOT_PERIOD = timedelta(days=30)
# Evidence that nothing was added to for so long is forgotten.
EVIDENCE_LIVES = timedelta(days=90)
