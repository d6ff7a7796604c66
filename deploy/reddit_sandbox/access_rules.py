"""Replies of communities that refuse access. The first word of their name selects the reply."""

import flask

from reddit_sandbox import answers, writing

_WARNING = "This community is shown only to people who said that they want to see it."


def refusal(script: str | None, name: str, tail: str) -> flask.Response | None:
    """Return the refusal if `script` is a script that refuses access, otherwise None.

    `tail` is the part of the path after the community's name. For a renamed community, the reply
    redirects to a path with the new name and the same tail.
    """
    match script:
        case "private":
            return answers.error(403, "private")
        case "quarantined":
            return answers.error(
                403,
                "quarantined",
                quarantine_message=_WARNING,
                quarantine_message_html=writing.as_guarded_html(_WARNING),
            )
        case "gated":
            return answers.error(
                403,
                "gated",
                interstitial_warning_message=_WARNING,
                interstitial_warning_message_html=writing.as_guarded_html(_WARNING),
            )
        case "forbidden":
            return answers.error(403)
        case "banned":
            return answers.error(404, "banned")
        case "notfound":
            return answers.error(404)
        case "missing":
            return answers.redirect(f"/subreddits/search?q={name}")
        case "redirect":
            return answers.redirect(f"/r/{name.partition('_')[2]}{tail}")
        case "blocked" | "nginx":
            return answers.page(403 if script == "blocked" else 404)
        case "scope":
            return answers.data({"error": "insufficient_scope"}, 403)
        case "gateway":
            return answers.data({"message": "Forbidden"}, 403)
        case "portal":
            return answers.redirect("/login?to=/subreddits/search")
        case "refused":
            return answers.error(401)
        case "legal":
            return answers.gateway_error(451)
    return None
