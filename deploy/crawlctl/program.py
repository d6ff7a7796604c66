"""Runs the command line, and turns each error into its exit code."""

import os
import sys
import traceback
from collections.abc import Sequence

import click

from crawlctl.failures import CommandFailed, ExitCode
from crawlctl.root import root
from crawlctl.session import Session


def run(arguments: Sequence[str], session: Session | None = None) -> int:
    """Run one command, and return its exit code."""
    session = session or Session()
    try:
        code = root.main(list(arguments), "crawlctl", standalone_mode=False, obj=session)
        sys.stdout.flush()
        return int(code or ExitCode.DONE)
    except CommandFailed as failed:
        session.complain(f"crawlctl: {failed}")
        return int(failed.code)
    except click.exceptions.NoArgsIsHelpError as asked:
        click.echo(asked.format_message())
        return int(ExitCode.USAGE)
    except click.ClickException as wrong:
        usage = (
            wrong.ctx.get_usage() + "\n"
            if isinstance(wrong, click.UsageError) and wrong.ctx
            else ""
        )
        session.complain(f"{usage}crawlctl: {_sentence(wrong)}")
        return wrong.exit_code
    except (KeyboardInterrupt, click.Abort):
        session.complain("crawlctl: interrupted")
        return int(ExitCode.INTERRUPTED)
    except BrokenPipeError:
        # The program that reads the output has ended. Without /dev/null as output, Python would
        # report the error again when it flushes the output at its end.
        os.dup2(os.open(os.devnull, os.O_WRONLY), 1)
        return int(ExitCode.FAILED)
    except OSError as error:
        session.complain(f"crawlctl: {error.filename or 'input or output'}: {error.strerror}")
        return int(ExitCode.FAILED)
    except (LookupError, TypeError, ValueError, AttributeError, RecursionError) as error:
        session.debug(traceback.format_exc())
        session.complain(
            "crawlctl: The answer of the server has an unexpected form, or crawlctl has a bug: "
            f"{type(error).__name__}: {error}. -v shows the place in the program."
        )
        return int(ExitCode.FAILED)
    finally:
        session.close()


def _sentence(wrong: click.ClickException) -> str:
    """Return the message on one line. Replaces click's names of types by usual words."""
    text = wrong.format_message().replace("\n\t", " ")
    text = text.replace(" is not a valid integer range.", " is not a whole number.")
    return text.replace(" is not a valid float range.", " is not a number.")


def command() -> None:
    """Run the command line of this process."""
    for stream in (sys.stdout, sys.stderr):
        if hasattr(stream, "reconfigure"):
            stream.reconfigure(errors="backslashreplace")
    sys.exit(run(sys.argv[1:]))
