"""Change items in communities named media_*: galleries, polls, videos, crossposts, contests."""

from typing import Any

IMAGES = 3  # number of images in a gallery

# The comment with number n gets the entry COMMENT_CHANGES[n % len(COMMENT_CHANGES)].
COMMENT_CHANGES: tuple[dict[str, Any], ...] = (
    {"distinguished": "moderator", "locked": True},
    {"controversiality": 1, "total_awards_received": 2, "gilded": 1},
    {"collapsed": True, "collapsed_reason_code": "CROWD_CONTROL"},
    {"media_metadata": {"giphy|a1": {"status": "valid", "e": "AnimatedImage", "m": "image/gif"}}},
    {},
)
KINDS = 6  # number of the kinds of posts: gallery, poll, video, crosspost, contest, ordinary


def is_crosspost(number: int) -> bool:
    """Return whether the post with this number is a crosspost."""
    return number % KINDS == 3


def change_link(data: dict[str, Any], number: int, original: dict[str, Any] | None) -> None:
    """Change a post. Its number selects the change. A crosspost copies the post `original`."""
    kind = number % KINDS
    if kind == 0:
        data.update(_gallery(data["id"]), is_self=False, url=f"/gallery/{data['id']}")
    elif kind == 1:
        data["poll_data"] = _poll(data["created_utc"])
    elif kind == 2:
        data.update(is_video=True, post_hint="hosted:video", is_self=False)
    elif original is not None:
        data.update(crosspost_parent=original["name"], crosspost_parent_list=[original])
    elif kind == 4:
        data.update(contest_mode=True, hide_score=True, distinguished="moderator", locked=True)
    data["num_crossposts"] = number % 3
    data["total_awards_received"] = number % 2


def change_comment(data: dict[str, Any], number: int) -> None:
    data.update(COMMENT_CHANGES[number % len(COMMENT_CHANGES)])


def _gallery(post_id: str) -> dict[str, Any]:
    ids = [f"{post_id}image{index}" for index in range(IMAGES)]
    return {
        "is_gallery": True,
        "gallery_data": {
            "items": [
                {"media_id": media_id, "id": index, "caption": f"Image {index}"}
                for index, media_id in enumerate(ids)
            ]
        },
        "media_metadata": {media_id: _image(media_id) for media_id in ids},
    }


def _image(media_id: str) -> dict[str, Any]:
    source = f"https://preview.redd.it/{media_id}.jpg?width=1200&format=pjpg&auto=webp&s=0"
    previews = [{"y": 81, "x": 108, "u": source.replace("1200", "108")}]
    return {
        "status": "valid",
        "e": "Image",
        "m": "image/jpg",
        "p": previews,
        "s": {"y": 900, "x": 1200, "u": source},
        "id": media_id,
    }


def _poll(created: float) -> dict[str, Any]:
    return {
        "prediction_status": None,
        "total_stake_amount": None,
        "voting_end_timestamp": int(created + 3 * 86_400) * 1_000,
        "options": [
            {"text": "Yes", "vote_count": 12, "id": "1"},
            {"text": "No", "vote_count": 3, "id": "2"},
        ],
        "user_selection": None,
        "is_prediction": False,
        "total_vote_count": 15,
    }
