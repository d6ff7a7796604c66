"""A mutant: one small change of one file of production code."""

from __future__ import annotations

from dataclasses import dataclass

CONTEXT = 40  # characters of the line that a report shows on each side


class DoesNotApply(Exception):
    """The code is no longer as the mutant expects it."""


@dataclass(frozen=True)
class Mutant:
    """Replace `before`, which begins at character `start` of the file, by `after`.

    `definition` is the function or module-level name that holds the place, such as `Limiter.learn`;
    empty for other statements of the module.
    """

    path: str  # from the project's root, with slashes
    start: int
    before: str
    after: str
    rule: str
    line: int
    definition: str = ""
    text: str = ""  # of the line

    @property
    def end(self) -> int:
        return self.start + len(self.before)

    def apply(self, source: str) -> str:
        """The changed text of the file. Raises DoesNotApply."""
        if source[self.start : self.end] != self.before:
            raise DoesNotApply(f"{self.path}:{self.line} is not as it was when this was drawn")
        return source[: self.start] + self.after + source[self.end :]

    def describe(self) -> str:
        before, after = (" ".join(text.split()) for text in (self.before, self.after))
        return f"{self.path}:{self.line} [{self.rule}] {_short(before)} -> {_short(after)}"

    def fingerprint(self) -> str:
        """Names the same mutant when lines above it or the comment beside it change."""
        before, after = (" ".join(text.split()) for text in (self.before, self.after))
        code = self.text.partition("  # ")[0].rstrip()
        return f"{self.path}::{self.definition} [{self.rule}] {before} -> {after} in: {code}"


def line_of(source: str, start: int) -> int:
    return source.count("\n", 0, start) + 1


def text_of_line(source: str, start: int) -> str:
    """Of the line that holds this place, or of the next when the place is a line's end."""
    if source[start] == "\n":
        start += 1
    begin = source.rfind("\n", 0, start) + 1
    return source[begin:].split("\n", 1)[0].strip()


def _short(text: str) -> str:
    return text if len(text) <= 2 * CONTEXT else f"{text[:CONTEXT]} ... {text[-CONTEXT:]}"
