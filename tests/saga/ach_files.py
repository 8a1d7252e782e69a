"""Small payment files for the tests: two employees, written by the real writer, and ways to spoil them."""

from dataclasses import replace
from datetime import date, datetime

from payroll.payments import ach, ach_reader

BANK = ach.Bank("021000021", "First Bank of Springfield")
EMPLOYER = ach.Originator("Acme Anvils", "12-3456789")
ANNA = ach.Entry("E00001", "Anna Adams", "011401533", "000123456789", "checking", 123_456)
BORIS = ach.Entry("E00002", "Boris Baker", "091000019", "98-7654", "savings", 100)
FRIDAY = date(2026, 11, 20)
WEDNESDAY = datetime(2026, 11, 18, 10, 30)  # noqa: DTZ001  the writer writes it as it stands


def build(*entries: ach.Entry, **given: object) -> bytes:
    """A file of one batch of pay; `given` changes the batch or the file."""
    changes = {name: given.pop(name) for name in ("effective", "description", "sec_code") if name in given}
    batch = replace(ach.payroll(entries or (ANNA, BORIS), FRIDAY), **changes)  # type: ignore[arg-type]
    return write(batch, **given).content


def write(*batches: ach.Batch, **given: object) -> ach.File:
    terms = {"bank": BANK, "originator": EMPLOYER, "created": WEDNESDAY}
    return ach.build(batches=batches, **(terms | given))  # type: ignore[arg-type]


def fields(content: bytes) -> set[str]:
    return {finding.field for finding in ach_reader.read(content).findings}


def retyped(line: int, first: int, text: str, content: bytes = b"") -> bytes:
    """The file with `text` put at a column of a line, both counted from 1."""
    lines = (content or build()).decode().split("\n")
    lines[line - 1] = lines[line - 1][: first - 1] + text + lines[line - 1][first - 1 + len(text) :]
    return "\n".join(lines).encode()


def lines_of(content: bytes) -> list[bytes]:
    return content.split(b"\n")[:-1]


def joined(lines: list[bytes], end: bytes = b"\n") -> bytes:
    return b"".join(line + end for line in lines)
