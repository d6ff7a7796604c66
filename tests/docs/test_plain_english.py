"""Documents use no word that CONTRIBUTING.md excludes, and no sentence that is too long."""

import re
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
EXCLUDED = re.compile(
    r"\b(nobody|somebody|whoever|whom|told|tells?|wish(?:es)?|lest|anew|so many|shall"
    r"|goes? on|in vain|at hand|as a whole|what is|whatever|as far as|however)\b",
    re.IGNORECASE,
)
LONGEST_SENTENCE = 42  # words
PAGES = [
    *ROOT.glob("*.md"),
    *(ROOT / "docs").rglob("*.md"),
    *(ROOT / "deploy").rglob("*.md"),
    *(ROOT / name for name in ("shared/README.md", "shared/DECISIONS.md", "migrations/README.md")),
    ROOT / "tests/README.md",
]


def prose(text: str) -> str:
    """Return the text of a page without code, addresses and tables."""
    text = re.sub(r"^(```+)[^\n]*\n.*?^\1", "", text, flags=re.MULTILINE | re.DOTALL)
    text = re.sub(r"`[^`]*`", "code", text)
    text = re.sub(r"\]\([^)]*\)", "]", text)
    return re.sub(r"^\|.*\n", "\n", text, flags=re.MULTILINE)


def sentences(text: str) -> list[str]:
    """Return the sentences of a text. A list item or a heading begins a new sentence."""
    parts = re.split(r"\n\s*\n|\n\s*(?:[-*#]|\d+\.)\s|(?<=[.:;?!])\s+", prose(text))
    return [" ".join(part.split()) for part in parts if part.strip()]


def excluded(text: str) -> list[str]:
    """Return the lines with an excluded word. The section that lists these words is left out."""
    shown = re.sub(r"`[^`]*`", "code", text.partition("## Plain English")[0])
    return [line for line in shown.splitlines() if EXCLUDED.search(line)]


@pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(ROOT)))
def test_a_page_uses_plain_words_and_short_sentences(page: Path) -> None:
    text = page.read_text()
    assert excluded(text) == []
    assert [one for one in sentences(text) if len(one.split()) > LONGEST_SENTENCE] == []


def test_an_excluded_word_and_a_long_sentence_would_be_found() -> None:
    assert excluded("The worker\ntells nobody.\n") == ["tells nobody."]
    assert excluded("The user is `nobody`.\n") == []
    (only,) = sentences(f"# Title\n\n{'word ' * 50}end.\n".removeprefix("# Title\n\n"))
    assert len(only.split()) > LONGEST_SENTENCE
