"""Set up logging: each line is a JSON object, or a readable text on a terminal."""

from __future__ import annotations

import logging
import os
import sys
import threading
from collections.abc import Mapping
from functools import lru_cache
from types import TracebackType
from typing import TextIO

import structlog

from crawljobs import settings
from crawljobs.runtime import exception_text, log_values
from crawljobs.runtime.traces import trace_scope

_level = logging.NOTSET  # lines below this level are not written


def configure(service: str, variables: Mapping[str, str]) -> None:
    """Set up structlog and the standard library's logging, both to write to standard error."""
    chosen = settings.read_log_settings(variables)
    pretty = chosen.style == "console" or (chosen.style == "auto" and sys.stderr.isatty())
    shared: list[structlog.typing.Processor] = [
        trace_scope.add_ids,
        _process(service, variables),
        structlog.stdlib.add_log_level,
        structlog.stdlib.add_logger_name,
        structlog.stdlib.ExtraAdder(),
        structlog.processors.TimeStamper(fmt="iso", utc=True),
    ]
    # Tracebacks show no local variables, because a frame of the web server has the caller's token.
    last: list[structlog.typing.Processor] = (
        [
            log_values.clean,
            structlog.dev.ConsoleRenderer(
                # Escape codes for colors are useless in a file or a pipe.
                colors=sys.stderr.isatty(),
                exception_formatter=_write_traceback,
            ),
        ]
        if pretty
        else [
            structlog.processors.ExceptionRenderer(exception_text.as_dicts),
            log_values.clean,
            structlog.processors.EventRenamer("action"),
            structlog.processors.JSONRenderer(),
        ]
    )
    structlog.configure(
        processors=[*shared, structlog.stdlib.ProcessorFormatter.wrap_for_formatter],
        logger_factory=structlog.stdlib.LoggerFactory(),
        # A call for a line below the chosen level returns at once and runs no processor.
        wrapper_class=structlog.make_filtering_bound_logger(chosen.level),
        cache_logger_on_first_use=True,
    )
    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(
        structlog.stdlib.ProcessorFormatter(
            foreign_pre_chain=shared,
            processors=[structlog.stdlib.ProcessorFormatter.remove_processors_meta, *last],
        )
    )
    root = logging.getLogger()
    root.handlers[:] = [handler]
    root.setLevel(chosen.level)
    global _level
    _level = logging.getLevelNamesMapping()[chosen.level]
    # At lower levels, urllib3 logs malformed headers with their content, which may be secret.
    logging.getLogger("urllib3").setLevel(logging.ERROR)
    # At the level INFO, Alembic logs each of its plugins at the start of every command.
    logging.getLogger("alembic.runtime.plugins").setLevel(logging.WARNING)
    # At the level WARNING, APScheduler logs every run of a task that it misses during a database
    # outage.
    logging.getLogger("apscheduler").setLevel(logging.ERROR)
    logging.captureWarnings(True)
    # If raiseExceptions is True, `logging` prints a line's arguments unmasked when it fails to
    # write the line.
    logging.raiseExceptions = False
    sys.excepthook = _log_uncaught
    threading.excepthook = _log_uncaught_in_thread
    if sys.unraisablehook is sys.__unraisablehook__:  # if false, a test runner has set its own hook
        sys.unraisablehook = _log_unraisable


def are_written(level: int) -> bool:
    """Return whether lines of this level are written. Check this before you build a costly line."""
    return level >= _level


def _write_traceback(output: TextIO, exc_info: exception_text.ExcInfo) -> None:
    output.write("\n" + exception_text.as_lines(exc_info))


def _log_uncaught(
    kind: type[BaseException], error: BaseException, frames: TracebackType | None
) -> None:
    """Log an uncaught exception. This replaces the traceback that the interpreter would print.

    The interpreter's traceback would show the row values in a database driver's message.
    """
    if issubclass(kind, KeyboardInterrupt):
        return
    get_logger(__name__).critical("process.crashed", exc_info=(kind, error, frames))


def _log_uncaught_in_thread(given: threading.ExceptHookArgs) -> None:
    if given.exc_value is None or issubclass(given.exc_type, SystemExit):
        return
    get_logger(__name__).critical(
        "thread.crashed",
        thread=given.thread.name if given.thread else None,
        exc_info=(given.exc_type, given.exc_value, given.exc_traceback),
    )


def _log_unraisable(given: sys.UnraisableHookArgs) -> None:
    """Log an error of a finalizer. The object and its repr may be secret, so they are left out."""
    if given.exc_value is None:
        return
    get_logger(__name__).error(
        "finalizer.failed", exc_info=(given.exc_type, given.exc_value, given.exc_traceback)
    )


def _process(service: str, variables: Mapping[str, str]) -> structlog.typing.Processor:
    """Return a processor that adds the service and the name of the process to each line."""

    @lru_cache(maxsize=1)
    def instance(_pid: int) -> str:  # the default name has the process id, which a fork changes
        return settings.read_instance_name(variables, service)

    def add(_: object, __: str, event: structlog.typing.EventDict) -> structlog.typing.EventDict:
        event.setdefault("service", service)
        event.setdefault("instance", instance(os.getpid()))
        return event

    return add


def log_misspelt_settings(variables: Mapping[str, str]) -> None:
    """Log one warning if variables look like misspelt settings. The line has names, no values."""
    if found := settings.misspelt(variables):
        meant = [f"{name} (did you mean {setting}?)" for name, setting in found.items()]
        get_logger(__name__).warning("settings.unknown", ignored=meant)


def get_logger(name: str) -> structlog.typing.FilteringBoundLogger:
    """Return the logger of a module. Write a line by `log.info("noun.past_participle", name=1)`."""
    logger: structlog.typing.FilteringBoundLogger = structlog.get_logger(name)
    return logger
