"""Build the JSON object of a user, which has the kind `t2`."""

from typing import Any

from reddit_sandbox import keys
from reddit_sandbox.made_up_authors import Author, Standing


def account(author: Author) -> dict[str, Any]:
    """Return the JSON object of a user. A suspended user has only the name and `is_suspended`."""
    if author.standing is Standing.SUSPENDED:
        return {"kind": "t2", "data": {"name": author.name, "is_suspended": True}}
    rng = keys.chance("account", author.number, author.name)
    return {
        "kind": "t2",
        "data": {
            "accept_chats": True,
            "accept_pms": True,
            "awardee_karma": rng.randrange(500),
            "awarder_karma": rng.randrange(200),
            "comment_karma": int(rng.expovariate(1 / 3_000)),
            "created": float(author.created),
            "created_utc": float(author.created),
            "has_subscribed": True,
            "has_verified_email": rng.random() < 0.8,
            "hide_from_robots": author.standing is Standing.HIDDEN,
            "icon_img": f"https://www.redditstatic.com/avatars/avatar_{author.number % 20:02}.png",
            "id": author.id36,
            "is_employee": False,
            "is_friend": False,
            "is_gold": author.number % 25 == 0,
            "is_mod": author.number % 14 == 0,
            "link_karma": int(rng.expovariate(1 / 900)),
            "name": author.name,
            "pref_show_snoovatar": False,
            "subreddit": _profile(author),
            "verified": True,
        },
    }


def _profile(author: Author) -> dict[str, Any]:
    falses = (
        "disable_contributor_requests is_default_banner link_flair_enabled over_18 "
        "restrict_commenting user_is_banned user_is_contributor user_is_moderator user_is_muted "
        "user_is_subscriber"
    )
    empty = (
        "description icon_color key_color link_flair_position primary_color public_description "
        "submit_link_label submit_text_label"
    )
    return {
        **dict.fromkeys(falses.split(), False),
        **dict.fromkeys(empty.split(), ""),
        "banner_size": None,
        "default_set": True,
        "display_name": f"u_{author.name}",
        "display_name_prefixed": f"u/{author.name}",
        "free_form_reports": True,
        "header_size": None,
        "icon_size": [256, 256],
        "is_default_icon": True,
        "name": f"t5_{author.id36}",
        "previous_names": [],
        "restrict_posting": True,
        "show_media": True,
        "subreddit_type": "user",
        "subscribers": 0,
        "title": "",
        "url": f"/user/{author.name}/",
    }
