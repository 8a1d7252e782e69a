"""What the sandbox bank is told to do wrong: an ordered list of rules, kept in its books, so that it survives kill -9.

    [{"on": "send", "times": 2, "do": "accept_and_time_out"}, {"on": "find", "key": "9f", "do": "429"}]

on       send: a file or payments are given; find: it is asked by key; webhook: it is about to tell
times    how often the rule applies; without it once, or without end when it has a key
key      the rule is for keys that begin so
do       the fault; the first rule that fits an occasion applies, and no other

    accept_and_time_out   books, and never answers
    drop_before           books nothing, closes the connection
    500_before, 429       books nothing, says so
    500_after_accept      books, and answers 500
    reset_after_body      books, and resets the connection
    rejected_file         refuses a sound file with findings
    reject_later          gives a receipt, books nothing, and says no by an acknowledgement afterwards
    partial_file          keeps the first `bytes` bytes; the receipt has their size and hash
    prune_key             forgets the key (after booking, when on send): the same key sent again books again
    lag                   books; for `seconds` a question by key finds nothing
    silent                for `seconds` nothing is answered to anybody
    late_return           books; once settled, its first `entries` (or one) come back with `code`
    duplicate_webhook     tells twice, with one id
"""

import json
import re
import sqlite3
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

SEND = {
    *("accept_and_time_out", "drop_before", "500_before", "500_after_accept", "429", "reset_after_body"),
    *("rejected_file", "reject_later", "partial_file", "prune_key", "lag", "silent", "late_return"),
}
DOES = {
    "send": SEND,
    "find": {"drop_before", "500_before", "429", "silent", "prune_key"},
    "webhook": {"duplicate_webhook", "drop_before"},
}
NOT_BOOKED = {"drop_before", "500_before", "429", "rejected_file", "silent"}
NEEDS = {"partial_file": "bytes", "lag": "seconds", "silent": "seconds", "late_return": "code"}
NAMES = {"on", "times", "key", "do", "bytes", "seconds", "code", "entries"}
RULES_MAX = 1_000

SCHEMA = """
create table rule (
    position integer primary key, occasion text not null, fault text not null,
    key text not null, times integer, given text not null
)
"""


class BadScript(Exception):
    """The script cannot be followed: one sentence that names the rule, counted from 1."""


@dataclass(frozen=True, slots=True)
class Rule:
    """One rule; times is None when it has no end, given are the figures that its fault needs."""

    on: str
    do: str
    key: str = ""
    times: int | None = None
    given: Mapping[str, Any] | None = None

    def figure(self, name: str) -> Any:
        return (self.given or {})[name]


def parse(document: object) -> list[Rule]:
    """The rules of a script. Raises BadScript."""
    if not isinstance(document, list) or len(document) > RULES_MAX:
        raise BadScript(f"a script is a list of at most {RULES_MAX:,} rules")
    return [_rule(number, each) for number, each in enumerate(document, start=1)]


def _rule(number: int, given: object) -> Rule:
    def expect(sound: bool, what: str) -> None:
        if not sound:
            raise BadScript(f"rule {number}: {what}")

    if not isinstance(given, dict):
        raise BadScript(f"rule {number}: it is not an object")
    expect(given.keys() <= NAMES, f"it may have {', '.join(sorted(NAMES))}, and nothing else")
    on, do, key, times = given.get("on"), given.get("do"), given.get("key", ""), given.get("times")
    if not isinstance(on, str) or on not in DOES:
        raise BadScript(f"rule {number}: on is send, find or webhook")
    if not isinstance(do, str) or do not in DOES[on]:
        raise BadScript(f"rule {number}: on {on}, do is one of {', '.join(sorted(DOES[on]))}")
    expect(
        isinstance(key, str) and bool(re.fullmatch("[0-9a-f-]{0,36}", key)), "key is the beginning of a UUID"
    )
    expect(times is None or (type(times) is int and times > 0), "times is a whole number above zero")
    figures = {name: given[name] for name in ("bytes", "seconds", "code", "entries") if name in given}
    expect(do not in NEEDS or NEEDS[do] in figures, f"{do} needs {NEEDS.get(do)}")
    for name in {"bytes", "entries"} & figures.keys():
        expect(type(figures[name]) is int and figures[name] >= 0, f"{name} is a whole number")
    seconds = figures.get("seconds", 0)
    expect(type(seconds) in {int, float} and 0 <= seconds <= 10**9, "seconds is a number from zero up")
    code = figures.get("code", "R03")
    expect(isinstance(code, str) and bool(re.fullmatch("R[0-9]{2}", code)), "code is R and two digits")
    return Rule(on, do, str(key), times if times or key else 1, figures)


def replace(connection: sqlite3.Connection, rules: list[Rule]) -> None:
    """From now on these rules hold, and no others."""
    connection.execute("delete from rule")
    connection.executemany(
        "insert into rule (occasion, fault, key, times, given) values (?, ?, ?, ?, ?)",
        ((rule.on, rule.do, rule.key, rule.times, json.dumps(rule.given or {})) for rule in rules),
    )


def left(connection: sqlite3.Connection) -> list[dict[str, Any]]:
    """The rules that still wait for their occasion, in order."""
    rows = connection.execute(f"{_RULES} where times is null or times > 0 order by position").fetchall()
    return [
        {"on": on, "do": do}
        | ({"key": key} if key else {})
        | ({"times": times} if times else {})
        | json.loads(given)
        for _, on, do, key, times, given in rows
    ]


def fire(connection: sqlite3.Connection, on: str, key: str) -> Rule | None:
    """The first rule for this occasion, used up by one; in the caller's transaction."""
    row = connection.execute(
        f"{_RULES} where occasion = ? and (times is null or times > 0) and substr(?, 1, length(key)) = key"
        " order by position limit 1",
        (on, key),
    ).fetchone()
    if row is None:
        return None
    position, occasion, fault, prefix, times, given = row
    connection.execute("update rule set times = times - 1 where position = ?", (position,))
    return Rule(occasion, fault, prefix, times, json.loads(given))


_RULES = "select position, occasion, fault, key, times, given from rule"
