"""The types of the columns of Parquet files, by the names of the fields of exports."""

INTEGERS = frozenset(
    {
        *("score", "num_comments", "num_crossposts", "total_awards_received", "controversiality"),
        *("comments_reported", "comments_stored", "comments_missing", "subscribers", "depth"),
        *("missing_parts", "gaps", "author_id", "subreddit_id", "posts", "comments"),
        *("a_id", "b_id", "shared_authors"),
    }
)
NUMBERS = frozenset({"upvote_ratio", "weight"})
TRUTHS = frozenset(
    {
        *("over_18", "spoiler", "stickied", "locked", "is_self", "is_video", "is_gallery"),
        *("archived", "contest_mode", "quarantine", "score_hidden", "is_submitter", "edited"),
        *("deleted", "suspended"),
    }
)
_KINDS_WITH_NUMBERS_AS_IDS = frozenset({"authors", "subreddits"})


def type_of(kind: str, field: str) -> str:
    """Return the type of a field: integer, number, truth, time or text.

    A field that a later release adds is text. If its value is a list or an object, the text is
    JSON.
    """
    if field in INTEGERS or (field == "id" and kind in _KINDS_WITH_NUMBERS_AS_IDS):
        return "integer"
    if field in NUMBERS:
        return "number"
    if field in TRUTHS:
        return "truth"
    return "time" if field.endswith(("_at", "_at_reddit")) else "text"
