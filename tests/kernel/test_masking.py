"""What a dead letter says of a fault: enough to find it and its like, and nothing about the person."""

from collections.abc import Callable
from typing import Any

import pytest

from events.dead_letters import fingerprint, redact

# Masking


@pytest.mark.parametrize(
    "secret",
    ["123-45-6789", "123 45 6789", "123456789", "021000021", "000123456789", "12345678901234567", "9" * 30],
)
@pytest.mark.parametrize(
    "around", ["{}", "ssn={}", "account_{}_x", "'{}'", "({})", "at {}.", "{}\n", "a:{},b"]
)
def test_what_could_be_a_number_of_a_person_is_masked(secret: str, around: str) -> None:
    assert redact(around.format(secret)) == around.format("[masked]")


@pytest.mark.parametrize(
    "plain",
    [
        "line 12345",
        "1,234.56",
        "2026-11-20",
        "3f6f9f2e-86b9-5d0a-9f43-0b7f5a1c9e52",
        "toys-0-250",
        "12345 cents",
    ],
)
def test_what_helps_to_find_the_fault_is_not(plain: str) -> None:
    assert redact(plain) == plain


# Fingerprints


def raised(act: Callable[[], Any]) -> Exception:
    try:
        act()
    except Exception as error:
        return error
    raise AssertionError("nothing was raised")


def divide(by: int) -> float:
    return 1 / by


def test_the_same_fault_has_the_same_fingerprint_whoever_it_strikes() -> None:
    one = fingerprint("tax", "bug", raised(lambda: divide(0)))
    assert one == fingerprint("tax", "bug", raised(lambda: [divide(number) for number in (2, 1, 0)]))
    assert len(one) == 12


@pytest.mark.parametrize(
    ("step", "kind", "act"),
    [
        ("gross", "bug", lambda: divide(0)),
        ("tax", "needs review", lambda: divide(0)),
        ("tax", "bug", lambda: 1 / 0),
        ("tax", "bug", lambda: divide("0")),
    ],
    ids=["another step", "another kind", "another place", "another error"],
)
def test_another_fault_has_another_fingerprint(step: str, kind: str, act: Callable[[], Any]) -> None:
    assert fingerprint(step, kind, raised(act)) != fingerprint("tax", "bug", raised(lambda: divide(0)))


def test_lost_workers_have_a_fingerprint_too() -> None:
    assert fingerprint("tax", "lost worker", None) == fingerprint("tax", "lost worker", None)
    assert fingerprint("tax", "lost worker", None) != fingerprint("gross", "lost worker", None)
