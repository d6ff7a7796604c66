"""The command line of a service: `--help` and `--version`, and no other arguments."""

from __future__ import annotations

import argparse

from crawljobs.version import VERSION


def check(program: str, *, description: str, settings: str, stop: str) -> None:
    """Print the help or the version and exit with 0, if the command line asks for one of them.

    Exits with 2 and a message for any other argument. `settings` lists the most important
    environment variables, and `stop` describes how the service reacts to SIGTERM.
    """
    parser = argparse.ArgumentParser(
        prog=program,
        description=description,
        epilog=f"""\
The settings are environment variables. A secret NAME can be in a file that NAME_FILE names.
{settings}
SIGTERM and SIGINT stop the process:
{stop}

docs/reference/settings.md lists all settings.
""",
        formatter_class=argparse.RawDescriptionHelpFormatter,
        allow_abbrev=False,
    )
    parser.add_argument("--version", action="version", version=f"{program} {VERSION}")
    parser.parse_args()
