"""Statements that pin a session of RDS Proxy to one client, found in the server's own log.

The kinds are those that AWS names under "Avoiding pinning an RDS Proxy" (PostgreSQL), among them any statement whose
text is longer than 16 KB, and advisory locks of a transaction, which it does not name but whose functions look alike.
The log sees what every process has sent, whatever library it used. Values in literals are not looked at.
"""

import re
from collections import Counter
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any, NamedTuple

TEXT_MAX = 16 * 1024  # bytes

# What the log says before each record; %a is how sessions through the pooler are told from others.
LOG_PREFIX = "|%u|%a| "
RECORD = re.compile(r"^\|(?P<user>[^|]*)\|(?P<application>[^|]*)\| LOG:  (?P<rest>.*)$", re.DOTALL)
SENT = re.compile(r"(?:statement|execute (?:fetch from )?(?P<name>\S+?)(?:/\S*)?): (?P<text>.*)$", re.DOTALL)
UNNAMED = "<unnamed>"

OPAQUE = re.compile(
    r"""--[^\n]* | /\*.*?\*/ | \bE'(?:[^'\\]|''|\\.)*' | '(?:[^']|'')*' | "(?:[^"]|"")*" | (\$\w*\$).*?\1""",
    re.VERBOSE | re.DOTALL | re.IGNORECASE,
)
KINDS = {
    "set": r"^(?:set|reset)\s+(?!(?:local|constraints|transaction)\b)",
    "set_config": r"\bset_config\s*\(",
    "prepare": r"^(?:prepare|execute|deallocate)\b",
    "discard": r"^discard\b",
    "cursor": r"^declare\b",
    "listen": r"^(?:listen|unlisten|notify)\b|\bpg_notify\s*\(",
    "temporary": r"^create\s.*?\btemp(?:orary)?\s+|\binto\s+temp(?:orary)?\s",
    "advisory lock": r"\bpg_(?:try_)?advisory_",
    "sequence": r"\b(?:nextval|setval|currval|lastval)\s*\(",
    "load": r"^load\b",
}
PATTERNS = {kind: re.compile(pattern, re.IGNORECASE | re.DOTALL) for kind, pattern in KINDS.items()}


class Statement(NamedTuple):
    """What one client sent at once; `name` when it was prepared under one."""

    user: str
    application: str
    text: str
    name: str = ""


class Counted(NamedTuple):
    """Statements looked at, and those that pin by kind, each with its beginning."""

    statements: int
    pins: Counter[tuple[str, str]]

    def __str__(self) -> str:
        lines = [f"{self.pins.total()} statements that pin of {self.statements:,}"]
        return "\n".join(
            lines + [f"  {times:6,} {kind}: {text}" for (kind, text), times in self.pins.most_common()]
        )

    def plain(self) -> list[Any]:
        """The same in lists, to be handed to another process."""
        return [self.statements, [[*kind, times] for kind, times in self.pins.items()]]

    @classmethod
    def of(cls, plain: list[Any]) -> "Counted":
        """What `plain` wrote."""
        return cls(plain[0], Counter({(kind, text): times for kind, text, times in plain[1]}))


def total(counted: Iterable[Counted]) -> Counted:
    """What was counted in several places, as one."""
    each = list(counted)
    return Counted(sum(one.statements for one in each), sum((one.pins for one in each), Counter()))


def pins(statement: Statement) -> list[str]:
    """For which reasons a statement pins; usually none."""
    found = ["named statement"] if statement.name else []
    if len(statement.text.encode()) > TEXT_MAX:
        found.append("longer than 16 KB")
    parts = [part.strip() for part in OPAQUE.sub(" ", statement.text).split(";")]
    return found + [kind for kind, pattern in PATTERNS.items() if any(map(pattern.search, parts))]


def logged(log: Path) -> Iterator[Statement]:
    """Every statement in a server's log whose lines begin with LOG_PREFIX."""
    record: list[str] = []
    with log.open(errors="replace") as lines:
        for line in lines:
            if line.startswith("\t"):
                record.append(line[1:])
                continue
            yield from _statement("".join(record))
            record = [line]
    yield from _statement("".join(record))


def _statement(record: str) -> Iterator[Statement]:
    if (said := RECORD.match(record.rstrip("\n"))) and (sent := SENT.match(said["rest"])):
        name = sent["name"] or UNNAMED
        yield Statement(said["user"], said["application"], sent["text"], "" if name == UNNAMED else name)


def count(log: Path, application: str) -> Counted:
    """The statements of sessions with this application_name, and which of them pin."""
    statements, found = 0, Counter[tuple[str, str]]()
    for statement in logged(log):
        if statement.application == application:
            statements += 1
            found.update((kind, " ".join(statement.text.split())[:100]) for kind in pins(statement))
    return Counted(statements, found)
