"""Build the JSON object of a post, which has the kind `t3`."""

import random
from typing import Any

from reddit_sandbox import community as community_module
from reddit_sandbox import hostile, identity, media, takedown, words, writing
from reddit_sandbox.item import Item
from reddit_sandbox.link_constants import CONSTANT
from reddit_sandbox.world import World

HALF_A_YEAR = 182 * 86_400
REMOVERS = ("moderator", "moderator", "automod_filtered", "reddit")
POINTER_SHARE = 0.05  # the share of texts that mention another community
FLAIRS = (None, None, None, "Question", "Show", "Guide")
FLAIR_IDS = {flair: f"5ca1ab1e-0000-11ee-8000-00000000000{n}" for n, flair in enumerate(FLAIRS)}


def title_of(item: Item) -> str:
    """Return a post's title without generating the rest of the post."""
    post = item.what
    return writing.title(item.community.rng("title", post.number), item.community.theme)


def permalink_of(item: Item) -> str:
    home = item.community
    return f"/r/{home.name}/comments/{identity.id_of(item)}/{writing.slug(title_of(item))}/"


def link(world: World, item: Item, *, alone: bool = False) -> dict[str, Any]:
    """Return the JSON object of a post. `alone` is true on the post's own page."""
    home, post = item.community, item.what
    assert isinstance(post, community_module.Post)  # noqa: S101 - narrows the union
    rng = home.rng("link", post.number)
    data = {
        **CONSTANT,
        **identity.subreddit_fields(home),
        **identity.author_fields(identity.visible_author(world, item)),
        "subreddit_subscribers": identity.subscribers(home),
        "title": title_of(item),
        "id": identity.id_of(item),
        "name": item.fullname,
        "permalink": permalink_of(item),
        "created": float(post.at),
        "created_utc": float(post.at),
        "score": post.score,
        "ups": post.score,
        "upvote_ratio": round(0.6 + 0.4 * rng.random(), 2),
        "num_comments": len(post.comments),
        "archived": world.options.now - post.at > HALF_A_YEAR,
        "stickied": (is_sticky := post.number in stickies(item.community)),
        "distinguished": "moderator" if is_sticky else None,
        "over_18": rng.random() < 0.02,
        "spoiler": rng.random() < 0.02,
        "link_flair_text": rng.choice(FLAIRS),
        "edited": identity.edited(world, post.at, rng, 0.08),
    }
    if data["link_flair_text"] is not None:
        data["link_flair_template_id"] = FLAIR_IDS[data["link_flair_text"]]
    data.update(_content(rng, item, data["permalink"]))
    if alone:
        data["num_duplicates"] = 0
    _take_away(rng, world, item, data)
    if home.script == "hostile":
        hostile.twist_link(data, post.number)
    elif home.script == "takedown":
        takedown.change_link(data, post.number)
    elif home.script == "media":
        media.change_link(data, post.number, _original(world, item))
    return {"kind": "t3", "data": data}


def _original(world: World, item: Item) -> dict[str, Any] | None:
    """Return the original post if the item is a crosspost, otherwise None.

    The original is a post of the first community of the same theme.
    """
    if not media.is_crosspost(item.what.number):
        return None
    home = world.community(words.THEMES[item.community.theme].communities[0])
    post = home.posts[item.what.number % len(home.posts)]
    data: dict[str, Any] = link(world, Item(home, post))["data"]
    return data


def stickies(home: community_module.Community) -> tuple[int, ...]:
    """Return the numbers of the pinned posts: none, one or two older posts."""
    count = min(home.key % 3, len(home.posts) // 10)
    return tuple(sorted(home.rng("stickies").sample(range(len(home.posts) // 2 or 1), count)))


def _content(rng: random.Random, item: Item, permalink: str) -> dict[str, Any]:
    home = item.community
    draw = rng.random()
    if draw < 0.6:
        text = writing.paragraphs(rng, home.theme, 3) if rng.random() < 0.8 else ""
        text += _pointer(item) if text else ""
        return {
            "is_self": True,
            "domain": f"self.{home.name}",
            "url": f"https://www.reddit.com{permalink}",
            "selftext": text,
            "selftext_html": writing.as_guarded_html(text) if text else None,
            "thumbnail": "self",
        }
    if draw < 0.85:
        url = (
            f"https://{home.name.lower().replace('_', '-')}.example/{rng.randrange(10**6)}?a=1&b=2"
        )
        return {
            "domain": url.split("/")[2],
            "url": url,
            "url_overridden_by_dest": url,
            "post_hint": "link",
        }
    url = f"https://i.redd.it/{rng.randrange(36**8):x}.jpg"
    return {
        "domain": "i.redd.it",
        "url": url,
        "url_overridden_by_dest": url,
        "post_hint": "image",
        "is_reddit_media_domain": True,
        "thumbnail": f"https://b.thumbs.redditmedia.com/{rng.randrange(36**8):x}.jpg",
        "thumbnail_height": 105,
        "thumbnail_width": 140,
        "preview": _preview(url),
    }


def _pointer(item: Item) -> str:
    """Return a sentence that names a community of the post's theme; for most posts, no text."""
    rng = item.community.rng("pointer", item.what.number)
    if rng.random() >= POINTER_SHARE:
        return ""
    return f"\n\nSomebody in r/{rng.choice(words.THEMES[item.community.theme].communities)} knows."


def _preview(url: str) -> dict[str, Any]:
    source = {"url": url, "width": 1200, "height": 900}
    image = {"source": source, "resolutions": [], "variants": {}, "id": url[-12:-4]}
    return {"images": [image], "enabled": True}


def _take_away(rng: random.Random, world: World, item: Item, data: dict[str, Any]) -> None:
    """Remove the text of a deleted or removed post, and set the fields that Reddit sets."""
    if identity.is_deleted(world, item):
        mark, category = "[deleted]", "deleted"
    elif item.what.state == community_module.REMOVED:
        mark, category = "[removed]", rng.choice(REMOVERS)
    else:
        return
    data["removed_by_category"] = category
    data["is_robot_indexable"] = False
    data["is_crosspostable"] = False
    if data["is_self"]:
        data["selftext"] = mark
        data["selftext_html"] = writing.as_guarded_html(mark)
