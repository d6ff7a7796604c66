"""The command `crawlctl`: its options and the table of its commands."""

import click

from crawlctl.session import RETRY_SECONDS
from crawlctl.shared_options import LazyGroup, output_options
from crawlctl.version import VERSION

COMMANDS = {
    "login": ("crawlctl.commands.login:login", "Store the address and the token of a server."),
    "logout": ("crawlctl.commands.login:logout", "Delete a stored address and token."),
    "whoami": ("crawlctl.commands.login:whoami", "Show the token's name and its scopes."),
    "status": ("crawlctl.commands.status:status", "Show the whole system on one screen."),
    "doctor": (
        "crawlctl.commands.doctor:doctor",
        "Check the connection, the token and the system.",
    ),
    "jobs": ("crawlctl.commands.jobs.verbs:jobs", "List, enqueue, change and await jobs."),
    "groups": (
        "crawlctl.commands.groups.verbs:groups",
        "Handle groups, which are sets of crawls that may wait for other crawls.",
    ),
    "operations": ("crawlctl.commands.operations:operations", "Show and await large changes."),
    "schedules": ("crawlctl.commands.schedules.verbs:schedules", "Crawl subreddits regularly."),
    "subreddits": ("crawlctl.commands.subreddits:subreddits", "Show subreddits, and crawl them."),
    "authors": (
        "crawlctl.commands.authors:authors",
        "Show and erase stored Reddit accounts.",
    ),
    "map": (
        "crawlctl.commands.map:show_map",
        "Show which subreddits have authors in common, or the neighbourhood of one subreddit.",
    ),
    "queue": ("crawlctl.commands.queue:queue", "Pause all crawls, or the crawls of one subreddit."),
    "budget": (
        "crawlctl.commands.system:budget",
        "Show the requests that are left at Reddit, and pauses.",
    ),
    "workers": (
        "crawlctl.commands.system:workers",
        "Show the processes of all services and their crawls.",
    ),
    "export": (
        "crawlctl.commands.export:export",
        "Write stored content, or the links of the map, into a file.",
    ),
    "webhooks": ("crawlctl.commands.webhooks.verbs:webhooks", "Send events to your own servers."),
    "audit": ("crawlctl.commands.audit:audit", "Read the log of changes."),
    "tokens": ("crawlctl.commands.tokens:tokens", "Create and revoke tokens of the API."),
    "api": ("crawlctl.commands.api:api", "Send any request of the API."),
    "completion": (
        "crawlctl.commands.completion:completion",
        "Write the script that completes commands in a shell.",
    ),
    "version": ("crawlctl.commands.version:version", "Show the version of crawlctl."),
}
EPILOG = (
    "Exit codes: 0 done, 1 failed, 2 usage, 3 refused, 4 no access, 5 not found, 6 unreachable, "
    "7 partly, 8 wait ran out, 9 ended badly, 130 Ctrl-C."
)


@click.group(
    cls=LazyGroup,
    table=COMMANDS,
    params=[
        click.Option(["--profile"], metavar="NAME", help="The stored server to use."),
        click.Option(["--url"], metavar="URL", help="The address of the admin-api."),
        click.Option(
            ["--retry-seconds"],
            type=click.FloatRange(0, 3600),
            default=RETRY_SECONDS,
            show_default=True,
            help="How long to repeat a request that the server cannot answer now.",
        ),
        *output_options(),
    ],
    context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 100},
    epilog=EPILOG,
    no_args_is_help=True,
)
@click.version_option(VERSION, message="crawlctl %(version)s")
@click.pass_context
def root(
    context: click.Context, profile: str | None, url: str | None, retry_seconds: float
) -> None:
    """Operate crawljobs through its REST API.

    Data goes to standard output, words go to standard error. `-` means standard input.
    """
    session = context.obj
    session.profile, session.url, session.retry_seconds = profile, url, retry_seconds
