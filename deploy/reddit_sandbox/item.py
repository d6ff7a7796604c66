"""The type of an item: a post or a comment with its community."""

from typing import NamedTuple

from reddit_sandbox import keys
from reddit_sandbox.community import Comment, Community, Post


class Item(NamedTuple):
    """A post or a comment, and the community that contains it."""

    community: Community
    what: Post | Comment

    @property
    def fullname(self) -> str:
        kind = "t3" if isinstance(self.what, Post) else "t1"
        return f"{kind}_{keys.item_id(self.what.at, self.community.tag)}"
