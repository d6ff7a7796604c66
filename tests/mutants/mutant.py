"""The type of a mutant: one small change in one file of production code."""

from __future__ import annotations

from dataclasses import dataclass

CONTEXT = 40  # of a long text, a report shows this many characters at the start and the end


class DoesNotApply(Exception):
    """The file no longer has the text that the mutant replaces."""


@dataclass(frozen=True)
class Mutant:
    """A mutant replaces `before`, which begins at character `start` of the file, by `after`.

    `definition` is the function or the name in the module whose code has the place, such as
    `Limiter.learn`. It is empty for other statements of the module.
    """

    path: str  # relative to the project's root, with slashes
    start: int
    before: str
    after: str
    rule: str
    line: int
    definition: str = ""
    text: str = ""  # the text of the line

    @property
    def end(self) -> int:
        return self.start + len(self.before)

    def apply(self, source: str) -> str:
        """Return the changed text of the file. Raises DoesNotApply if the file has changed."""
        if source[self.start : self.end] != self.before:
            raise DoesNotApply(f"{self.path}:{self.line} is not as it was when this was drawn")
        return source[: self.start] + self.after + source[self.end :]

    def describe(self) -> str:
        before, after = (" ".join(text.split()) for text in (self.before, self.after))
        return f"{self.path}:{self.line} [{self.rule}] {_short(before)} -> {_short(after)}"

    def fingerprint(self) -> str:
        """Identify the mutant even after changes in other lines or in the comment beside it."""
        before, after = (" ".join(text.split()) for text in (self.before, self.after))
        code = self.text.partition("  # ")[0].rstrip()
        return f"{self.path}::{self.definition} [{self.rule}] {before} -> {after} in: {code}"


def line_of(source: str, start: int) -> int:
    return source.count("\n", 0, start) + 1


def text_of_line(source: str, start: int) -> str:
    """Return the line at this place. If the place is a line's end, return the next line."""
    if source[start] == "\n":
        start += 1
    begin = source.rfind("\n", 0, start) + 1
    return source[begin:].split("\n", 1)[0].strip()


def _short(text: str) -> str:
    return text if len(text) <= 2 * CONTEXT else f"{text[:CONTEXT]} ... {text[-CONTEXT:]}"
