"""`crawlctl doctor`: checks of the connection, the token and the system, with remedies."""

import click

from crawlctl.diagnosis import FINDING, diagnose
from crawlctl.failures import ExitCode
from crawlctl.nouns.overview import CHECK
from crawlctl.session import Session
from crawlctl.shared_options import Verb


@click.command(cls=Verb)
@click.pass_obj
def doctor(session: Session) -> ExitCode:
    """Check the connection, the token and the system.

    Each finding has a remedy. The exit code is 9 if there is a finding. If the token may not read
    the answer of a check, the result of this check is unknown, which is no finding.
    """
    checks = diagnose(session)
    session.writer.items(CHECK, checks)
    findings = sum(check["result"] == FINDING for check in checks)
    session.say(f"{findings} findings in {len(checks)} checks." if findings else "No findings.")
    return ExitCode.ENDED_BADLY if findings else ExitCode.DONE
