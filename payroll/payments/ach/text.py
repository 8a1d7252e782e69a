"""Free text in a payment file: upper-case ASCII, whatever the name was spelt with."""

import unicodedata

_SPELT = str.maketrans(
    {"Æ": "AE", "Œ": "OE", "Ø": "O", "Ł": "L", "Đ": "D", "Ð": "D", "Þ": "TH", "Ħ": "H", "Ŋ": "N", "Ŧ": "T"}
    | dict.fromkeys("\u2018\u2019\u02bc\u2032", "'")
    | dict.fromkeys("\u201c\u201d\u2033", '"')
    | dict.fromkeys("\u2010\u2011\u2012\u2013\u2014\u2212", "-")
)


def fitted(text: str, width: int) -> str:
    """A free-text field: left-justified, cut or filled to `width`."""
    return f"{plain(text)[:width]:<{width}}"


def plain(text: str) -> str:
    """Upper-case ASCII of the same meaning: no accents, single blanks, "?" for what ASCII cannot spell.

    No control character, line end or direction mark survives, so no name can break a record or start another.
    """
    if not (text.isascii() and text.isprintable()):
        spelt = unicodedata.normalize("NFKD", text.upper().translate(_SPELT)).upper().translate(_SPELT)
        text = "".join(char if " " <= char <= "~" else _stand_in(char) for char in spelt)
    return " ".join(text.upper().split())


def _stand_in(char: str) -> str:
    """What stands for a character outside 0x20-0x7E: nothing for a mark, a blank for a control, or "?"."""
    category = unicodedata.category(char)
    if category in {"Mn", "Mc", "Me", "Cf"}:
        return ""
    return " " if category == "Cc" or category.startswith("Z") else "?"
