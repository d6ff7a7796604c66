"""Generate texts for posts and comments from the words of a theme."""

import html
import random

from reddit_sandbox import words


def title(rng: random.Random, theme: int) -> str:
    """Return a title: one line without markup."""
    text = _fill(rng, rng.choice(words.TITLES), theme)
    return text[0].upper() + text[1:]


def paragraphs(rng: random.Random, theme: int, most: int) -> str:
    """Return a text of one to `most` paragraphs of Markdown."""
    return "\n\n".join(
        " ".join(_fill(rng, rng.choice(words.SENTENCES), theme) for _ in range(rng.randint(1, 3)))
        for _ in range(rng.randint(1, most))
    )


def as_html(markdown: str) -> str:
    """Return the paragraphs as HTML, in the form in which Reddit renders them."""
    inner = "\n\n".join(f"<p>{html.escape(part)}</p>" for part in markdown.split("\n\n"))
    return f'<div class="md">{inner}\n</div>'


def as_guarded_html(markdown: str) -> str:
    """Return the paragraphs as HTML between two HTML comments.

    Reddit puts these comments around the texts of posts and communities.
    """
    return f"<!-- SC_OFF -->{as_html(markdown)}<!-- SC_ON -->"


def slug(text: str) -> str:
    """Return the title in the form that it has in a permalink, such as `my_first_cat`."""
    kept = "".join(char if char.isascii() and char.isalnum() else " " for char in text.lower())
    return "_".join(kept.split())[:50].strip("_") or "_"


def _fill(rng: random.Random, pattern: str, theme: int) -> str:
    vocabulary = words.THEMES[theme]
    adjective = rng.choice(words.ADJECTIVES)
    return pattern.format(
        thing=rng.choice(vocabulary.things),
        doing=rng.choice(vocabulary.doings),
        adj=adjective,
        adj2=rng.choice(words.ADJECTIVES),
        n=rng.randint(2, 40),
    )
