"""The cost of reading a setting, a schedule or a log value is proportional to its length."""

import json
import logging
from collections.abc import Callable

import pytest

from crawljobs import settings
from crawljobs.domain import api_token, cron, masking, plain_text, subreddit, trace_context, zones
from crawljobs.runtime import exception_text, log_values
from crawljobs.settings.environment import Environment
from support import growth

CLIENT = {"REDDIT_CLIENT_ID": "id", "REDDIT_CLIENT_SECRET": "hush"}
TOKEN = {"ADMIN_API_TOKEN": "q8Zr4vT1xW7yB2nM5kJ9hG3fD6sA0pLc"}


def reddit(name: str) -> Callable[[str], object]:
    return lambda text: settings.read_reddit_settings({**CLIENT, name: text})


def excepted(text: str) -> object:
    return reddit("NO_PROXY")(text) and settings.read_reddit_settings(
        {**CLIENT, "HTTPS_PROXY": "http://proxy:3128", "NO_PROXY": text}
    )


def variables(text: str) -> None:
    env = Environment({"X": text})
    for read in (
        lambda: env.whole("X", 1, unit="jobs", least=1, most=2),
        lambda: env.number("X", 1, unit="jobs", least=1, most=2),
        lambda: env.flag("X", default=True),
        lambda: env.secret("X"),
        lambda: env.url("X", "", plain_http="Y"),
    ):
        try:
            read()
        except Exception as error:  # noqa: BLE001 - the cost of the error's text is measured too
            str(error)


def schedule(text: str) -> object:
    try:
        return cron.parse.__wrapped__(text, "Europe/Berlin")
    finally:
        cron.parse.__wrapped__("@every " + text, "UTC")


def short_schedule(text: str) -> object:
    parsed = cron.parse.__wrapped__(text, "UTC")
    return cron.describe(parsed.expression)


def logged(text: str) -> str:
    event = {"event": text, "values": [text, {"a": text}], text: text, "error": ValueError(text)}
    return json.dumps(log_values.clean(logging, "info", event))


@pytest.mark.parametrize(
    ("parse", "longest"),
    [
        (schedule, growth.LONG),
        (short_schedule, cron.LONGEST_EXPRESSION),
        (zones.zone, growth.LONG),
        (trace_context.parse, growth.LONG),
        (api_token.id_of, growth.LONG),
        (api_token.digest, growth.LONG),
        (subreddit.checked_name, growth.LONG),
        (lambda text: plain_text.one_line(text, limit=len(text)), growth.LONG),
        (lambda text: plain_text.lines(text, limit=len(text)), growth.LONG),
        (plain_text.has_steering, growth.LONG),
        (masking.mask, growth.LONG),
        (lambda text: masking.mask("https://a@" + text), growth.LONG),
        (lambda text: masking.mask("password=" + text), growth.LONG),
        (logged, growth.LONG),
        (lambda text: exception_text.text_of(ValueError(text)), growth.LONG),
        (variables, growth.LONG),
        (reddit("REDDIT_API_URL"), growth.LONG),
        (lambda text: reddit("REDDIT_API_URL")("https://" + text), growth.LONG),
        (reddit("HTTPS_PROXY"), growth.LONG),
        (lambda text: reddit("ALL_PROXY")("http://" + text), growth.LONG),
        (excepted, growth.LONG),
        (
            lambda text: settings.read_admin_api_settings({**TOKEN, "TRUSTED_PROXIES": text}),
            growth.LONG,
        ),
        (
            lambda text: settings.checked_database_url("X", "postgresql://" + text),
            growth.LONG,
        ),
        (
            lambda text: settings.read_tracing_settings(
                {"OTEL_EXPORTER_OTLP_ENDPOINT": "https://c", "OTEL_EXPORTER_OTLP_HEADERS": text}
            ),
            growth.LONG,
        ),
    ],
)  # fmt: skip
def test_the_cost_of_a_text_grows_with_its_length(
    parse: Callable[[str], object], longest: int
) -> None:
    for family in growth.FAMILIES.values():
        growth.check(parse, family, longest=longest)
