"""The fields that posts and comments have in common: ids, author and community."""

import random
from typing import Any

from reddit_sandbox import community as community_module
from reddit_sandbox import keys, made_up_authors
from reddit_sandbox.community import Community
from reddit_sandbox.item import Item
from reddit_sandbox.world import World


def id_of(item: Item) -> str:
    return keys.item_id(item.what.at, item.community.tag)


def subscribers(home: Community) -> int:
    return 300 + home.key % 90_000


def subreddit_fields(home: Community) -> dict[str, Any]:
    return {
        "subreddit": home.name,
        "subreddit_id": f"t5_{home.id}",
        "subreddit_name_prefixed": f"r/{home.name}",
    }


def is_deleted(world: World, item: Item) -> bool:
    """Return whether the author has deleted the item, before or after the sandbox's start."""
    return item.what.state == community_module.DELETED or world.was_deleted(item.fullname)


def visible_author(world: World, item: Item) -> made_up_authors.Author | None:
    """Return the author that Reddit would show, or None if Reddit would show `[deleted]`."""
    author = world.authors[item.what.author]
    if author.standing is made_up_authors.Standing.GONE or is_deleted(world, item):
        return None
    return author


_FLAIRLESS: dict[str, Any] = {
    "author_flair_background_color": None,
    "author_flair_css_class": None,
    "author_flair_template_id": None,
    "author_flair_text": None,
    "author_flair_text_color": None,
    "author_is_blocked": False,
}
# As in recorded replies, an item without an author lacks the fields author_fullname,
# author_flair_type and author_premium.
_NOBODY: dict[str, Any] = {
    **_FLAIRLESS,
    "author": "[deleted]",
    "author_flair_background_color": "",
    "author_flair_text_color": "dark",
}


def author_fields(author: made_up_authors.Author | None) -> dict[str, Any]:
    """Return the fields about an author. None means an item without an author."""
    if author is None:
        return _NOBODY
    flair = "Regular" if author.number % 9 == 0 else None
    return {
        **_FLAIRLESS,
        "author": author.name,
        "author_fullname": f"t2_{author.id36}",
        "author_flair_richtext": [],
        "author_flair_text": flair,
        "author_flair_text_color": "dark" if flair else None,
        "author_flair_type": "text",
        "author_patreon_flair": False,
        "author_premium": author.number % 25 == 0,
    }


def edited(world: World, at: int, rng: random.Random, often: float) -> float | bool:
    """Return the time of an item's edit, or False. `often` is the probability of an edit."""
    later = at + rng.randint(60, 3_600)
    return float(later) if rng.random() < often and later <= world.options.now else False
