"""The independent reader on what an employer sends beside wages: debits, prenotes, support orders, reversals."""

from dataclasses import replace
from datetime import date

import pytest

from payroll.payments import ach_reader
from tests.saga.nacha import FRIDAY, WEDNESDAY, Line, Part, written

PAY = Part([Line("22", 100_00, "777001", "E1"), Line("32", 50_00, "777002", "E2", "BORIS BAKER")])
FUNDING = Part([Line("27", 150_00, "555001", "ACME", "ACME ANVILS")], "CCD", "FUNDING")
DED = "DED*CS*A1234*261120*5000*123456789*N*ADAMS,ANN\\"
SUPPORT = Part([Line("22", 50_00, "999001", "A1234", "STATE SDU", DED)], "CCD", "CHILDSUP")
PRENOTES = Part(
    [Line("23", 0, "777003", "E3", "CARLA COX"), Line("38", 0, "555002", "ACME", "ACME")], "PPD", "PRENOTE"
)
TAKEN_BACK = Part([Line("27", 100_00, "777001", "E1")], description="REVERSAL")


def found(*parts: Part, created: date = WEDNESDAY) -> set[tuple[int, str, str]]:
    read = ach_reader.read(written(*parts, created=created))
    return {(finding.line, finding.field, finding.what) for finding in read.findings}


def names(*parts: Part, created: date = WEDNESDAY) -> set[str]:
    return {name for _, name, _ in found(*parts, created=created)}


def test_a_file_of_many_batches_reads_without_findings():
    read = ach_reader.read(written(PAY, FUNDING, SUPPORT, PRENOTES, TAKEN_BACK))
    assert read.findings == ()
    assert (read.credit_cents, read.debit_cents) == (200_00, 250_00)
    assert [batch.service_class for batch in read.batches] == ["220", "225", "220", "200", "225"]
    assert [batch.is_reversal for batch in read.batches] == [False, False, False, False, True]
    assert [entry.direction for entry in read.entries] == [
        "credit", "credit", "debit", "credit", "credit", "debit", "debit",
    ]  # fmt: skip
    assert [entry.is_live for entry in read.entries] == [True] * 4 + [False] * 2 + [True]
    assert read.entries[3].addenda == (DED,)


def test_a_balanced_batch_holds_its_own_debit():
    balanced = replace(PAY, lines=[*PAY.lines, Line("27", 150_00, "555001", "ACME", "ACME ANVILS")])
    assert balanced.service_class == "200"
    assert found(balanced) == set()


@pytest.mark.parametrize(
    ("part", "service"),
    [(PAY, "225"), (FUNDING, "220"), (PRENOTES, "220"), (PRENOTES, "225"), (TAKEN_BACK, "220")],
)
def test_a_service_class_says_which_way_money_goes(part, service):
    assert "transaction code" in names(replace(part, service=service))


@pytest.mark.parametrize(
    ("part", "field"),
    [
        (Part([Line("23", 1, "777001", "E1")]), "amount"),
        (Part([Line("28", 1, "777001", "E1")]), "amount"),
        (Part([Line("27", 0, "777001", "E1")]), "amount"),
        (Part([Line("55", 100, "777001", "E1")]), "transaction code"),
        (Part([Line("55", 100, "777001", "E1")], description="REVERSAL"), None),
        (Part([Line("28", 0, "777001", "E1")], description="REVERSAL"), "transaction code"),
        (Part([Line("24", 0, "777001", "E1")], "CCD"), "transaction code"),
        (Part([Line("24", 0, "777001", "E1", addenda="RMR*IV*1")], "CCD"), None),
        (Part([Line("29", 0, "777001", "E1", addenda="RMR*IV*1")], "PPD"), "transaction code"),
        (Part([Line("22", 100, "777001", "E1")], description="REVERSALS"), "entry description"),
        (Part([Line("22", 100, "777001", "E1")], description="FUNDING"), "entry description"),
        (Part([Line("27", 100, "777001", "E1")], description="DUES"), None),
    ],
)
def test_what_a_batch_may_hold(part, field):
    assert names(part) == ({field} if field else set())


@pytest.mark.parametrize(
    "addenda",
    [
        "DED*CS*A1234*261120*5000*123456789*N\\",
        "DED*CS*A1234*261120*5000*123456789*W*ADAMS,ANN*17031*Y\\",
        "DED*CS*A1234*261120*5000*123456789*Y*ADAMS,ANN*1703100\\",
        "DED*CS*A1234*261120*5000*123456789*Y*ADAMS,ANN**Y\\",
        "DED*CS*A1234*261120*0000005000*123456789*Y*ADAMS,ANN\\",
    ],
)
def test_a_child_support_segment_reads(addenda):
    assert found(replace(SUPPORT, lines=[SUPPORT.lines[0]._replace(addenda=addenda)])) == set()


@pytest.mark.parametrize(
    ("addenda", "what"),
    [
        (DED.replace("*5000*", "*5001*"), "another amount than its entry"),
        (DED.replace("\\", ""), "not a DED segment of child support"),
        (DED.replace("*CS*", "*XX*"), "not a DED segment of child support"),
        (DED.replace("A1234", "A" * 21), "not a DED segment of child support"),
        (DED.replace("A1234", ""), "not a DED segment of child support"),
        (DED.replace("261120", "261320"), "not a DED segment of child support"),
        (DED.replace("123456789", "123-45-67"), "not a DED segment of child support"),
        (DED.replace("*N*", "*X*"), "not a DED segment of child support"),
        (DED.replace("ADAMS,ANN", "ADAMS,ANNABEL"), "not a DED segment of child support"),
        (DED.replace("\\", "*1703\\"), "not a DED segment of child support"),
        (DED.replace("\\", "*17031*N\\"), "not a DED segment of child support"),
        (DED.replace("\\", "\\X"), "not a DED segment of child support"),
    ],
)
def test_a_child_support_segment_that_no_agency_can_read_is_found(addenda, what):
    spoilt = replace(SUPPORT, lines=[SUPPORT.lines[0]._replace(addenda=addenda)])
    assert found(spoilt) == {(4, "payment information", what)}


def test_same_day_is_today_at_a_time_and_within_the_limit():
    today = replace(PAY, effective=WEDNESDAY, descriptive="SD1300")
    assert found(today) == set()
    assert names(replace(today, effective=FRIDAY)) == {"descriptive date"}
    assert names(replace(today, descriptive="SD2460")) == {"descriptive date"}
    at = lambda cents, effective: replace(  # noqa: E731
        PAY, lines=[Line("22", cents, "777001", "E1")], effective=effective
    )
    assert found(at(1_000_000_00, WEDNESDAY)) == set()
    assert names(at(1_000_000_01, WEDNESDAY)) == {"amount"}
    assert found(at(1_000_000_01, FRIDAY)) == set()


def test_no_finding_shows_a_value():
    spoilt = [PAY, replace(SUPPORT, lines=[SUPPORT.lines[0]._replace(addenda=DED.replace("*N*", "*X*"))])]
    read = ach_reader.read(written(*spoilt).replace(b"777001", b"_77001"))
    text = repr(read.findings)
    assert read.findings and not [
        value for value in ("77001", "ANNA", "ADAMS", "123456789", "A1234") if value in text
    ]
