"""Build the JSON object of a community, which has the kind `t5`."""

from typing import Any

from reddit_sandbox import identity, words, writing
from reddit_sandbox.community import Community

_NONES = (
    "accounts_active active_user_count banner_size emojis_custom_size header_img header_size "
    "header_title icon_size is_enrolled_in_new_modmail notification_level submit_text_html "
    "suggested_comment_sort user_can_flair_in_sr user_flair_background_color "
    "user_flair_css_class user_flair_template_id user_flair_text user_flair_text_color "
    "user_has_favorited user_is_banned user_is_contributor user_is_moderator user_is_muted "
    "user_is_subscriber user_sr_flair_enabled"
)
_FALSES = (
    "accounts_active_is_fuzzed all_original_content allow_polls allow_predictions "
    "can_assign_link_flair can_assign_user_flair collapse_deleted_comments "
    "disable_contributor_requests emojis_enabled has_menu_widget hide_ads "
    "is_chat_post_feature_enabled is_crosspostable_subreddit link_flair_enabled "
    "original_content_tag_enabled over18 public_traffic quarantine restrict_commenting "
    "user_flair_enabled_in_sr allow_chat_post_creation"
)
_TRUES = (
    "allow_discovery allow_galleries allow_images allow_videogifs allow_videos "
    "free_form_reports restrict_posting show_media show_media_preview spoilers_enabled "
    "user_sr_theme_enabled wiki_enabled"
)
_EMPTY = (
    "advertiser_category banner_background_color banner_background_image banner_img "
    "community_icon icon_img key_color mobile_banner_image primary_color submit_link_label "
    "submit_text submit_text_label"
)
_CONSTANT: dict[str, Any] = {
    **dict.fromkeys(_NONES.split()),
    **dict.fromkeys(_FALSES.split(), False),
    **dict.fromkeys(_TRUES.split(), True),
    **dict.fromkeys(_EMPTY.split(), ""),
    "comment_score_hide_mins": 0,
    "lang": "en",
    "link_flair_position": "left",
    "prediction_leaderboard_entry_type": "IN_FEED",
    "submission_type": "any",
    "subreddit_type": "public",
    "user_flair_position": "right",
    "user_flair_type": "text",
    "videostream_links_count": 0,
    "whitelist_status": "all_ads",
    "wls": 6,
}
# If a community refuses access, these fields are null in replies of /api/info, as in recorded
# replies of Reddit.
_WITHHELD = (
    "accounts_active_is_fuzzed advertiser_category allow_discovery allow_galleries allow_images "
    "allow_polls collapse_deleted_comments comment_score_hide_mins description "
    "disable_contributor_requests free_form_reports hide_ads key_color lang link_flair_enabled "
    "link_flair_position mobile_banner_image original_content_tag_enabled over18 primary_color "
    "public_traffic quarantine restrict_commenting restrict_posting show_media "
    "show_media_preview spoilers_enabled submission_type submit_text subscribers "
    "user_flair_enabled_in_sr user_flair_position user_sr_theme_enabled"
)
# One of this number of subscribers is online.
ONLINE_SHARE = 250


def about(home: Community, *, in_batch: bool = False) -> dict[str, Any]:
    """Return the JSON object of a community.

    `in_batch` is true for a reply of /api/info, where the count of online users is null.
    """
    theme = words.THEMES[home.theme]
    rng = home.rng("about")
    summary = f"All about {rng.choice(theme.doings)} & the {rng.choice(theme.things)}."
    description = f"{summary}\n\n{writing.paragraphs(rng, home.theme, 4)}"
    subscribers = identity.subscribers(home)
    online = None if in_batch else 1 + subscribers // ONLINE_SHARE
    kind = "user" if home.name.startswith("u_") else "public"
    return {
        "kind": "t5",
        "data": {
            **_CONSTANT,
            "user_flair_richtext": [],
            "accounts_active": online,
            "active_user_count": online,
            "display_name": home.name,
            "display_name_prefixed": f"r/{home.name}",
            "id": home.id,
            "name": f"t5_{home.id}",
            "url": f"/r/{home.name}/",
            "title": f"{home.name}: {theme.keyword}",
            "public_description": summary,
            "public_description_html": writing.as_guarded_html(summary),
            "description": description,
            "description_html": writing.as_guarded_html(description),
            "subreddit_type": kind,
            "subscribers": subscribers,
            "created": float(home.created),
            "created_utc": float(home.created),
        },
    }


def withheld(home: Community) -> dict[str, Any]:
    """Return the JSON object that /api/info shows for a community that refuses access."""
    found = about(home, in_batch=True)
    found["data"].update(dict.fromkeys(_WITHHELD.split()), subreddit_type="private")
    return found
