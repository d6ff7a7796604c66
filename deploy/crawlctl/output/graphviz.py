"""Texts in the language of Graphviz, dot."""

from crawlctl.output.visible_text import visible


def quoted(text: str) -> str:
    """Return the text as a string of dot, with its line breaks."""
    shown = "\\n".join(
        visible(line).replace("\\", "\\\\").replace('"', '\\"') for line in text.split("\n")
    )
    return f'"{shown}"'
