"""Remove the demo's own polling, five requests a second, from the log of the demo's admin-api.

The log still has the demo's failed requests and all requests of other clients.
"""

import logging

import flask

from admin_api.http import access_log
from onebox.api_client import USER_AGENT


def install() -> None:
    logger = logging.getLogger(access_log.__name__)
    logger.addFilter(is_news)
    logger.info("The demo's own successful polling is not logged.")


def is_news(record: logging.LogRecord) -> bool:
    if not flask.has_request_context() or flask.request.method != "GET":
        return True
    event = record.msg if isinstance(record.msg, dict) else {}
    succeeded = event.get("status") == 200
    return not (succeeded and flask.request.headers.get("User-Agent") == USER_AGENT)
