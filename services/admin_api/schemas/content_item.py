"""Schemas of stored posts and comments, of a post's tree, and of an author's activity."""

from __future__ import annotations

import marshmallow as ma
from marshmallow import fields

from admin_api.schemas.fields import Timestamp, described, identifier, next_cursor


def _text(text: str) -> fields.String:
    return fields.String(required=True, allow_none=True, metadata=described(text))


def _count(text: str) -> fields.Integer:
    return fields.Integer(required=True, allow_none=True, metadata=described(text, format="int64"))


def _flag(text: str, *, nullable: bool = False) -> fields.Boolean:
    return fields.Boolean(required=True, allow_none=nullable, metadata=described(text))


def _time(text: str, *, nullable: bool = False) -> Timestamp:
    return Timestamp(required=True, allow_none=nullable, metadata=described(text))


_AUTHOR = "The author's name; null if the author or the item was deleted at Reddit."
_SCORE = "The score at the last look; null while the subreddit hides it."
_REMOVED = "Why the item was removed, such as `moderator`; null if it was not removed."
_DELETED = "A crawl found that the author deleted the item. Its author and texts are null."


class _ItemSchema(ma.Schema):
    """The fields that posts and comments have."""

    id = fields.String(
        required=True, metadata=described("The base-36 id, without the prefix t3_ or t1_.")
    )
    subreddit = fields.String(required=True)
    author = _text(_AUTHOR)
    author_flair = _text("The text of the author's flair.")
    body = _text("The text in Markdown; null if there is none, or if it was removed or deleted.")
    score = _count(_SCORE)
    score_hidden = _flag("The subreddit hid the score at the last look.", nullable=True)
    total_awards_received = _count("The number of awards.")
    distinguished = _text("`moderator` or `admin` if the author wrote in this role.")
    archived = _flag("The item accepts no votes and replies any more.", nullable=True)
    stickied = _flag("Moderators show the item first.")
    removed_by_category = _text(_REMOVED)
    created_at = _time("When the author wrote the item.")
    edited = _flag("The author edited the item.")
    edited_at = _time("When; null also if Reddit did not show the time.", nullable=True)
    extra = fields.Dict(
        required=True,
        allow_none=True,
        metadata=described("Rarely used fields, under Reddit's own names."),
    )
    deleted = _flag(_DELETED)
    deleted_at = _time("When a crawl found the deletion.", nullable=True)
    first_seen_at = _time("When a crawl first stored the item.")
    updated_at = _time("When a crawl last changed the item.")
    checked_at = _time("When a crawl last saw the item, to 12 hours.", nullable=True)


class PostSchema(_ItemSchema):
    """A stored post."""

    title = _text("Null if the post was deleted.")
    url = _text("The link, or the address of the post itself.")
    permalink = _text("The path of the post at Reddit.")
    domain = _text("The host of `url`.")
    flair = _text("The text of the post's flair.")
    flair_template_id = _text("The id of the flair's template.")
    num_crossposts = _count("The number of crossposts of this post.")
    post_hint = _text("The kind of the link, such as `image`.")
    is_video = _flag("The post is a video.", nullable=True)
    is_gallery = _flag("The post is a gallery; `extra` has its images.", nullable=True)
    contest_mode = _flag("The comments are in random order.", nullable=True)
    quarantine = _flag("The subreddit was quarantined.", nullable=True)
    upvote_ratio = fields.Float(required=True, allow_none=True)
    num_comments = _count("The number of comments that Reddit shows.")
    over_18 = _flag("For adults only.")
    spoiler = _flag("The post may spoil a surprise.")
    locked = _flag("The post accepts no further comments.")
    is_self = _flag("A text post.")
    crosspost_parent = _text("The full name of the post of which this is a crosspost.")
    crosspost_author = _text("The author of that post.")
    crosspost_subreddit = _text("The subreddit of that post; null for a profile.")
    tree_fetched_at = _time("When a crawl last fetched the comment tree.", nullable=True)
    comments_reported = _count("Comments that Reddit reported at that time.")
    comments_stored = _count("Comments that were stored at that time.")
    comments_missing = _count("Comments that existed at that time and are not stored.")


class CommentSchema(_ItemSchema):
    """A stored comment."""

    post_id = fields.String(required=True, metadata=described("The id of the post."))
    parent_id = fields.String(
        required=True,
        metadata=described(
            "The full name of the item above: t3_ and a post, or t1_ and a comment."
        ),
    )
    is_submitter = _flag("The comment's author is the post's author; false if deleted.")
    locked = _flag("The comment accepts no replies.", nullable=True)
    controversiality = _count("1: about as many downvotes as upvotes.")
    collapsed_reason_code = _text("Why Reddit collapses the comment.")


class TreeCommentSchema(CommentSchema):
    """A comment with its place in the tree."""

    depth = fields.Integer(
        required=True,
        metadata=described(
            "The number of stored comments above it: 0 directly below the post, or if the comment "
            "above is not stored."
        ),
    )


class PostListSchema(ma.Schema):
    items = fields.List(fields.Nested(PostSchema), required=True)
    next = next_cursor()


class CommentListSchema(ma.Schema):
    items = fields.List(fields.Nested(CommentSchema), required=True)
    next = next_cursor()


class PostTreeSchema(ma.Schema):
    """A post, and one page of its comments in the order of the tree."""

    post = fields.Nested(PostSchema, required=True)
    items = fields.List(fields.Nested(TreeCommentSchema), required=True)
    next = next_cursor()
    is_cut = _flag("More than 20,000 comments are stored; the tree has 20,000 of them.")


class AuthorSchema(ma.Schema):
    """A stored Reddit account."""

    id = identifier("The author, in this database.")
    name = fields.String(required=True)
    reddit_id = _text("The id at Reddit, such as t2_1a2b3c.")
    created_at_reddit = _time("When the account was created; null if unknown.", nullable=True)
    suspended = _flag("Reddit suspended the account; null if unknown.", nullable=True)
    first_seen_at = _time("When a crawl first found the account.")
    history_fetched_at = _time("When a crawl last read the account's own listing.", nullable=True)


class ActivitySchema(ma.Schema):
    """The activity of an author in one subreddit."""

    subreddit = fields.String(required=True)
    posts = fields.Integer(required=True, metadata=described("The posts that crawls have seen."))
    comments = fields.Integer(
        required=True, metadata=described("The comments that crawls have seen.")
    )
    first_at = _time("When the earliest of these items was written.")
    last_at = _time("When the latest of these items was written.")


class AuthorActivitySchema(ma.Schema):
    """An author, and one page of the subreddits in which the author was active."""

    author = fields.Nested(AuthorSchema, required=True)
    items = fields.List(fields.Nested(ActivitySchema), required=True)
    next = next_cursor()
