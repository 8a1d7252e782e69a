"""What is wrong with a roster, line by line, in words that may go to a screen or a log.

An SSN, account or routing number never appears in full, whichever column it was found in: an export with
shifted columns puts an SSN under "birth_date".
"""

import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import NamedTuple

SHOWN_CHARACTERS = 40
SHOWN_FINDINGS = 200
KEPT_FINDINGS = 50_000
# nine digits as SSNs are written, or a run as long as a short account number; a well-formed EIN is public
PERSONAL_NUMBER = re.compile(r"\d{3}[-. ]\d{2}[-. ]\d{4}|\d{7,}")
EIN = re.compile(r"\d{2}-\d{7}")


class Finding(NamedTuple):
    """One thing that refuses the import.

    line     of the file, counted from 1 with the header; 0 when the whole file is meant
    column   its name, or "" when the whole line is meant
    value    masked, escaped and cut by `shown`
    problem  "what is wrong - what to do"
    """

    file: str
    line: int
    column: str
    value: str
    problem: str

    def __str__(self) -> str:
        place = f"{self.file}:{self.line}" if self.line else self.file
        what = " ".join(part for part in (self.column, self.value) if part)
        return f"{place} {what}: {self.problem}" if what else f"{place}: {self.problem}"


@dataclass
class Findings:
    """Every finding of one import: all are counted, the first 50,000 are kept.

    warnings   what someone should look at, but what pays nobody wrongly by itself; they refuse nothing
    unread     files that could not be read to their end, so that what refers to them cannot be judged
    """

    kept: list[Finding] = field(default_factory=list)
    total: int = 0
    warnings: list[Finding] = field(default_factory=list)
    unread: set[str] = field(default_factory=set)

    def add(self, file: str, line: int, column: str, value: str, problem: str) -> None:
        """Record one finding; `value` must have come through `shown`."""
        self.total += 1
        if len(self.kept) < KEPT_FINDINGS:
            self.kept.append(Finding(file, line, column, value, problem))

    def warn(self, file: str, line: int, column: str, value: str, problem: str) -> None:
        """Record one warning; the first 50,000 are kept."""
        if len(self.warnings) < KEPT_FINDINGS:
            self.warnings.append(Finding(file, line, column, value, problem))

    def lines(self, most: int = SHOWN_FINDINGS) -> Iterator[str]:
        """The first findings as text, and a last line that counts the rest."""
        yield from map(str, self.kept[:most])
        if self.total > most:
            yield f"... and {self.total - most:,} more"


class RosterRefused(Exception):
    """The files hold at least one thing that cannot be taken; nothing was loaded.

    findings   all of them; the message counts them and names the first file and line only
    """

    def __init__(self, findings: Findings) -> None:
        first = findings.kept[0]
        place = f"{first.file} line {first.line}" if first.line else first.file
        things = "1 problem" if findings.total == 1 else f"{findings.total:,} problems"
        super().__init__(f"the roster was refused: {things}, the first in {place}; nothing was loaded")
        self.findings = findings


def shown(text: str, *, secret: bool = False) -> str:
    """`text` as a finding may show it: one line, at most 40 characters, personal numbers masked."""
    if secret:
        return hidden(text)
    if not EIN.fullmatch(text):
        text = PERSONAL_NUMBER.sub(lambda found: hidden(found[0]), text)
    escaped = "".join(
        char if char.isprintable() else char.encode("unicode_escape").decode()
        for char in text[: SHOWN_CHARACTERS + 1]
    )
    return escaped if len(escaped) <= SHOWN_CHARACTERS else escaped[: SHOWN_CHARACTERS - 1] + "…"


def hidden(text: str) -> str:
    """Dots and the end of a number: its last four characters, and never more than half of it."""
    letters = "".join(char for char in text if char.isascii() and char.isalnum())
    return "••••" + last_four(letters) if letters else ""


def last_four(number: str) -> str:
    """Last four characters of a number, fewer when four would be more than half of it."""
    keep = min(4, len(number) // 2)
    return number[len(number) - keep :]
