"""The fields of a post that have the same value in all posts, unless a post changes them."""

from typing import Any

_NONES = (
    "approved_at_utc approved_by author_flair_template_id banned_at_utc banned_by category "
    "content_categories discussion_type distinguished likes link_flair_background_color "
    "link_flair_css_class link_flair_text_color media mod_note mod_reason_by mod_reason_title "
    "num_reports removal_reason removed_by removed_by_category report_reasons secure_media "
    "suggested_sort thumbnail_height thumbnail_width top_awarded_type view_count"
)
_FALSES = (
    "allow_live_comments archived author_is_blocked can_gild can_mod_post clicked contest_mode "
    "hidden hide_score is_created_from_ads_ui is_crosspostable is_meta is_original_content "
    "is_reddit_media_domain is_self is_video locked media_only no_follow over_18 pinned "
    "quarantine saved spoiler stickied visited"
)
_LISTS = "all_awardings awarders link_flair_richtext mod_reports treatment_tags user_reports"
_DICTS = "gildings media_embed secure_media_embed"
CONSTANT: dict[str, Any] = {
    **dict.fromkeys(_NONES.split()),
    **dict.fromkeys(_FALSES.split(), False),
    "downs": 0,
    "edited": False,
    "gilded": 0,
    "is_robot_indexable": True,
    "link_flair_text": None,
    "link_flair_type": "text",
    "num_crossposts": 0,
    "parent_whitelist_status": "all_ads",
    "pwls": 6,
    "selftext": "",
    "selftext_html": None,
    "send_replies": True,
    "subreddit_type": "public",
    "thumbnail": "default",
    "total_awards_received": 0,
    "whitelist_status": "all_ads",
    "wls": 6,
}
CONSTANT |= {name: [] for name in _LISTS.split()}
CONSTANT |= {name: {} for name in _DICTS.split()}
