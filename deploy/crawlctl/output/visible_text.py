"""Make text from the server safe: characters that steer a terminal are shown as escapes."""

import re
import unicodedata

# Control and format characters, surrogates, and separators of lines and paragraphs.
_STEERING = frozenset({"Cc", "Cf", "Cs", "Zl", "Zp"})
# These format characters stay: they join letters or emoji, and steer nothing.
_JOINERS = frozenset("\u200c\u200d")
_SHORT = {"\n": "\\n", "\r": "\\r", "\t": "\\t"}
# The characters of the categories in _STEERING, without the characters below U+0020, which
# `json.dumps` itself escapes.
_IN_JSON = re.compile(
    "[\x7f-\x9f\xad\u0600-\u0605\u061c\u06dd\u070f\u180e\u200b\u200e\u200f\u2028-\u202e"
    "\u2060-\u206f\ud800-\udfff\ufeff\ufff9-\ufffb\U000e0001-\U000e007f]"
)


def visible(text: str) -> str:
    """Return the text on one line, with each character that steers a terminal as an escape."""
    if text.isprintable():
        return text
    return "".join(map(_shown, text))


def visible_lines(text: str) -> str:
    """Return the text as `visible` does, but with its line breaks."""
    return "\n".join(map(visible, text.split("\n")))


def visible_json(document: str) -> str:
    """Return a JSON document with the same meaning and without characters that steer a terminal."""
    return document if document.isprintable() else _IN_JSON.sub(_json_escape, document)


def _shown(character: str) -> str:
    if character.isprintable() or character in _JOINERS:
        return character
    if character in _SHORT:
        return _SHORT[character]
    if unicodedata.category(character) not in _STEERING:
        return character
    code = ord(character)
    if code < 0x100:
        return f"\\x{code:02x}"
    return f"\\u{code:04x}" if code < 0x10000 else f"\\U{code:08x}"


def _json_escape(found: re.Match[str]) -> str:
    units = found[0].encode("utf-16-be", "surrogatepass")
    return "".join(f"\\u{units[n] << 8 | units[n + 1]:04x}" for n in range(0, len(units), 2))
