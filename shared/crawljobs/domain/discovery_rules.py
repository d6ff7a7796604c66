"""How much evidence is required before a subreddit is crawled automatically.

Discovery finds this evidence in crawled subreddits: shared authors, crossposts and mentions.
"""

from __future__ import annotations

from datetime import timedelta

# A subreddit is crawled automatically if it reaches one of these numbers of authors, crossposts or
# mentions. The number for mentions is the highest, because anyone can write a mention. On one page
# of a listing, several mentions by the same author count as one.
AUTHORS_ENOUGH = 1
CROSSPOSTS_ENOUGH = 2
MENTIONS_ENOUGH = 3

# The weight of one author, crosspost or mention when discovery sorts subreddits by evidence.
AUTHOR_WEIGHT, CROSSPOST_WEIGHT, MENTION_WEIGHT = 3, 2, 1

# A root is a requested subreddit from which a discovery began. DISCOVERY_MAX_REQUESTS limits the
# requests for one root within this period.
ROOT_PERIOD = timedelta(days=30)
# The evidence for a subreddit is deleted when it has not grown for this time.
EVIDENCE_LIVES = timedelta(days=90)
