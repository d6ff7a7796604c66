"""A change of many objects in chunks of at most 1,000, with results for each object."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any, TypeVar

from crawlctl.changing.interrupts import between_chunks
from crawlctl.failures import CommandFailed, ExitCode
from crawlctl.output.columns import Noun
from crawlctl.output.progress_line import ProgressLine
from crawlctl.session import Session

CHUNK = 1_000  # limit of the items that the API accepts in one request
T = TypeVar("T")
Send = Callable[[Sequence[T]], Sequence[Mapping[str, Any]]]


def change_in_chunks(
    session: Session, noun: Noun, items: Sequence[T], send: Send[T], *, done: str
) -> ExitCode:
    """Send the items chunk by chunk, and write the result of each item.

    `done` is the name of the change in the messages.

    Returns PARTLY if the change of an item failed. After Ctrl-C, the function still waits for the
    results of the chunk that it has sent, and sends no further chunk.
    """
    failed = 0
    handled = 0
    progress = ProgressLine(session)

    def results() -> Iterator[Mapping[str, Any]]:
        nonlocal failed, handled
        with between_chunks() as interrupts:
            for first in range(0, len(items), CHUNK):
                chunk = items[first : first + CHUNK]
                try:
                    answers = send(chunk)
                except CommandFailed as error:
                    progress.clear()
                    raise CommandFailed(
                        f"{error}\n{done}: {handled:,} of {len(items):,} were handled before.",
                        error.code,
                    ) from error
                handled += len(chunk)
                failed += sum(not is_done(answer) for answer in answers)
                progress.clear()
                yield from answers
                if len(items) > CHUNK:
                    text = f"{done}: {handled:,} of {len(items):,}, {failed:,} failed"
                    if handled == len(items):
                        progress.note(text)
                    elif progress.is_due():
                        progress.show(text)
                if interrupts.asked and handled < len(items):
                    progress.clear()
                    session.complain(f"{done}: stopped after {handled:,} of {len(items):,}")
                    raise KeyboardInterrupt

    session.writer.items(noun, results())
    return ExitCode.PARTLY if failed else ExitCode.DONE


def is_done(answer: Mapping[str, Any]) -> bool:
    """Return whether the change of this item succeeded."""
    return 200 <= int(answer.get("status") or 0) < 300
