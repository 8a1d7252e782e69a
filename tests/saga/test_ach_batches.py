"""Files of several batches: any of them agrees with a parser written from the format page."""

from dataclasses import replace
from datetime import date, datetime, time

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from payroll.payments import ach
from payroll.payments.ach import support
from tests.saga.ach_files import ANNA, BANK, BORIS, EMPLOYER, FRIDAY, WEDNESDAY, write
from tests.saga.ach_parser import parse
from tests.saga.test_ach import ROUTING

FUNDS = ach.FundingAccount("021000021", "5550001", "checking", "Acme Anvils", "funds")
SUPPORT = support.Withheld("A1234", date(2026, 11, 20), 12_345, "123456789", "N", "Baker", "Boris", "3601400")
AGENCY = ach.Entry("A1234", "State Disbursement", "091000019", "777", "checking", 12_345, reference="cs-1")


def supported(**change: object) -> ach.Entry:
    return replace(AGENCY, addenda=support.addenda(SUPPORT), **change)


# By hand, from the record layouts: entry hash 01140153 + 09100001 + 02100002 = 12340156.
OFFSET_GOLDEN = [
    "5200ACME ANVILS                         1123456789PPDPAYROLL         261120   1021000020000001",
    "622011401533000123456789     0000123456E00001         ANNA ADAMS              0021000020000001",
    "63209100001998-7654          0000000100E00002         BORIS BAKER             0021000020000002",
    "6270210000215550001          0000123556OFFSET         ACME ANVILS             0021000020000003",
    "820000000300123401560000001235560000001235561123456789                         021000020000001",
]
SUPPORT_GOLDEN = [
    "5220ACME ANVILS                         1123456789CCDCHILDSUP        261120   1021000020000001",
    "622091000019777              0000012345A1234          STATE DISBURSEMENT      1021000020000001",
    "705DED*CS*A1234*261120*12345*123456789*N*BAKER,BOR*3601400\\" + " " * 24 + "00010000001",
    "822000000200091000010000000000000000000123451123456789                         021000020000001",
]


def rows(*batches: ach.Batch) -> list[str]:
    return write(*batches).content.decode().split("\n")


def test_a_balanced_batch_is_the_one_worked_out_by_hand():
    assert rows(ach.payroll([BORIS, ANNA], FRIDAY, offset=FUNDS))[1:6] == OFFSET_GOLDEN


def test_a_support_batch_is_the_one_worked_out_by_hand():
    assert rows(ach.child_support([supported()], FRIDAY))[1:5] == SUPPORT_GOLDEN


PRINTABLE = "".join(map(chr, range(0x20, 0x7F)))
NAMES = st.tuples(
    st.text(" ", max_size=2), st.sampled_from(PRINTABLE[1:]), st.text(PRINTABLE, max_size=27)
).map("".join)


@st.composite
def entries(draw, debit: bool = False, addenda: bool = False):
    prenote = draw(st.booleans())
    text = draw(st.text("ABC*019 \\", min_size=1, max_size=80)) if addenda and not prenote else ""
    return ach.Entry(
        individual_id=draw(st.text("ABC0123-", min_size=1, max_size=15)),
        name=draw(NAMES),
        routing=draw(ROUTING),
        account=draw(st.from_regex(r"[0-9A-Z-]{0,16}[1-9A-Z]", fullmatch=True)),
        account_type=draw(st.sampled_from(ach.ACCOUNT_TYPES)),
        amount_cents=0 if prenote else draw(st.integers(1, 99_999_999_99)),
        direction=draw(st.sampled_from([ach.CREDIT, ach.DEBIT])) if debit else ach.CREDIT,
        prenote=prenote,
        addenda=text,
    )


@st.composite
def batches(draw):
    people, company = draw(st.booleans()), draw(st.sampled_from(["TAX", "CHILDSUP", "VENDOR 123"]))
    reversed_ = draw(st.booleans())
    kind = entries(debit=reversed_ or not people, addenda=True)
    description = "REVERSAL" if reversed_ else "PAYROLL" if people else company
    effective = draw(st.sampled_from([FRIDAY, date(2026, 11, 23), date(2027, 1, 4)]))
    sec_code = "PPD" if people else "CCD"
    return ach.Batch(sec_code, description, effective, tuple(draw(st.lists(kind, min_size=1, max_size=12))))


def seen(entry: ach.Entry) -> tuple[object, ...]:
    """An entry as the format page would have it, worked out here."""
    base = {"checking": 20, "savings": 30}[entry.account_type] + (2 if entry.direction == "credit" else 7)
    addenda = entry.addenda.rstrip() if entry.addenda else None
    return (
        str(base + entry.prenote),
        entry.routing,
        entry.account,
        entry.amount_cents,
        entry.individual_id,
        addenda,
    )


@settings(max_examples=80, deadline=None)
@given(
    st.lists(batches(), min_size=1, max_size=4), st.randoms(use_true_random=False), st.integers(1, 9_000_000)
)
def test_any_batches_agree_with_a_second_opinion(given_batches, shuffler, first):
    numbered = [
        replace(batch, entries=tuple(replace(e, reference=f"{b}.{n}") for n, e in enumerate(batch.entries)))
        for b, batch in enumerate(given_batches)
    ]
    file = write(*numbered, first_trace=first)
    read = parse(file.content)
    for batch, got in zip(numbered, read, strict=True):
        assert sorted(map(repr, map(seen, batch.entries))) == sorted(
            repr(tuple(e[name] for name in ("code", "routing", "account", "cents", "who", "addenda")))
            for e in got["entries"]
        )
        assert (got["sec"], got["description"].rstrip(), got["effective"]) == (
            batch.sec_code,
            batch.description,
            f"{batch.effective:%y%m%d}",
        )
        both = {e.direction for e in batch.entries}
        assert got["service"] == ("200" if len(both) == 2 else "220" if both == {"credit"} else "225")
    in_file = [entry for batch in read for entry in batch["entries"]]
    assert [int(entry["trace"][-7:]) for entry in in_file] == list(range(first, first + len(in_file)))
    assert (file.entries, file.credits_cents, file.debits_cents) == (
        len(in_file),
        sum(batch["credits"] for batch in read),
        sum(batch["debits"] for batch in read),
    )
    by_trace = {entry["trace"]: entry for entry in in_file}
    for batch in numbered:
        for entry in batch.entries:
            found = by_trace[file.traces[entry.reference]]
            assert (found["account"], found["cents"]) == (entry.account, entry.amount_cents)
    mixed = [replace(b, entries=tuple(shuffler.sample(b.entries, len(b.entries)))) for b in numbered]
    assert write(*mixed, first_trace=first) == file


def test_an_offset_is_the_other_way_also_in_a_reversal():
    sent = ach.payroll([ANNA, BORIS], FRIDAY, offset=FUNDS)
    back = ach.reversal(sent, settled=FRIDAY, effective=date(2026, 11, 23))
    (before,), (after,) = parse(write(sent).content), parse(write(back).content)
    assert [e["code"] for e in before["entries"]] == ["22", "32", "27"]
    assert [e["code"] for e in after["entries"]] == ["27", "37", "22"]
    assert (before["service"], before["debits"]) == ("200", before["credits"])
    for name in ("account", "cents", "who", "routing", "trace"):
        assert [e[name] for e in before["entries"]] == [e[name] for e in after["entries"]]
    assert (after["description"].rstrip(), after["effective"], after["sec"]) == ("REVERSAL", "261123", "PPD")


# Five banking days counted by hand: Thanksgiving Thursday 26 November is none, nor are the weekends.
@pytest.mark.parametrize(
    ("settled", "until"),
    [
        (date(2026, 11, 20), date(2026, 11, 30)),
        (date(2026, 11, 6), date(2026, 11, 16)),
        (date(2026, 6, 1), date(2026, 6, 8)),
    ],
)
def test_a_reversal_settles_within_five_banking_days(settled, until):
    assert ach.reversible_until(settled) == until
    sent = ach.payroll([ANNA], settled)
    assert ach.reversal(sent, settled=settled, effective=until).effective == until
    for outside in (date(until.year, until.month, until.day + 1 if until.day < 30 else 1), date(2026, 5, 29)):
        with pytest.raises(ach.FileRefused, match=f"can be reversed until {until}"):
            late = outside if outside.day != 1 else date(2026, 12, 1)
            ach.reversal(sent, settled=settled, effective=late)


def test_a_reversal_leaves_out_prenotes_and_is_not_reversed_again():
    sent = ach.payroll([ANNA, ach.prenote(BORIS)], FRIDAY)
    back = ach.reversal(sent, settled=FRIDAY, effective=FRIDAY)
    assert [entry.individual_id for entry in back.entries] == ["E00001"]
    with pytest.raises(ach.FileRefused, match="not reversed"):
        ach.reversal(back, settled=FRIDAY, effective=FRIDAY)


def test_prenotes_move_no_money():
    file = write(ach.payroll([ach.prenote(ANNA), ach.prenote(BORIS)], FRIDAY))
    (batch,) = parse(file.content)
    assert [(e["code"], e["cents"]) for e in batch["entries"]] == [("23", 0), ("33", 0)]
    (debits,) = parse(
        write(ach.Batch("CCD", "TEST", FRIDAY, [ach.prenote(e) for e in _debits(ANNA, BORIS)])).content
    )
    assert [e["code"] for e in debits["entries"]] == ["28", "38"] and debits["service"] == "225"
    assert (file.entries, file.credits_cents) == (2, 0)
    assert ach.live_from(date(2026, 11, 24)) == date(2026, 11, 30)  # over Thanksgiving and a weekend


def _debits(*given_entries: ach.Entry) -> list[ach.Entry]:
    return [replace(entry, direction=ach.DEBIT) for entry in given_entries]


def test_where_there_are_only_prenotes_nothing_is_balanced():
    (batch,) = parse(write(ach.payroll([ach.prenote(ANNA)], FRIDAY, offset=FUNDS)).content)
    assert [e["code"] for e in batch["entries"]] == ["23"] and batch["service"] == "220"


def test_a_funding_debit_is_for_what_the_credits_add_up_to():
    debit = ach.funding(FUNDS, 123_556, FRIDAY)
    file = write(ach.payroll([ANNA, BORIS], FRIDAY), debit)
    pay, funds = parse(file.content)
    assert (funds["sec"], funds["description"].rstrip(), funds["service"]) == ("CCD", "FUNDING", "225")
    assert [(e["code"], e["cents"]) for e in funds["entries"]] == [("27", pay["credits"])]
    assert file.traces == {"funds": "021000020000003"}


def test_a_funding_debit_over_one_entry_is_several():
    debit = ach.funding(FUNDS, 2 * ach.MAX_ENTRY_CENTS + 1, FRIDAY)
    (funds,) = parse(write(debit).content)
    assert [e["cents"] for e in funds["entries"]] == [9_999_999_999, 9_999_999_999, 1]
    assert len(write(debit).traces) == 3
    (two,) = parse(write(ach.funding(FUNDS, 2 * ach.MAX_ENTRY_CENTS, FRIDAY)).content)
    assert [e["cents"] for e in two["entries"]] == [9_999_999_999] * 2
    with pytest.raises(ach.FileRefused, match="nothing to fund"):
        ach.funding(FUNDS, 0, FRIDAY)


# Same day. The windows are those of the Federal Reserve: 10:30, 14:45 and 16:45 Eastern.


@pytest.mark.parametrize(
    ("at", "shown"),
    [
        (time(0, 1), "SD1300"),
        (time(10, 30), "SD1300"),
        (time(10, 31), "SD1700"),
        (time(14, 45), "SD1700"),
        (time(14, 46), "SD1800"),
        (time(16, 45), "SD1800"),
    ],
)
def test_same_day_takes_the_next_window(at, shown):
    created = datetime.combine(FRIDAY, at)
    batch = ach.same_day(ach.payroll([ANNA], date(2026, 11, 24)), created)
    (read,) = parse(write(batch, created=created).content)
    assert (read["shown"], read["effective"]) == (shown, "261120")


def test_same_day_is_refused_after_the_last_window_over_a_million_and_unasked():
    with pytest.raises(ach.FileRefused, match="closed"):
        ach.same_day(ach.payroll([ANNA], FRIDAY), datetime.combine(FRIDAY, time(16, 46)))
    created = datetime.combine(FRIDAY, time(9))
    most = replace(ANNA, amount_cents=100_000_000)
    fits = ach.same_day(ach.payroll([most], FRIDAY), created)
    assert write(fits, created=created).credits_cents == 100_000_000
    over = replace(fits, entries=[replace(most, amount_cents=100_000_001)])
    for batch, why in (
        (over, "1,000,000.00"),
        (replace(fits, entries=[most, BORIS], offset=FUNDS), "1,000,000.00"),
        (replace(fits, same_day=time(12)), "13:00, 17:00 or 18:00"),
        (replace(fits, descriptive_date="NOV 20"), "descriptive date"),
        (replace(fits, effective=date(2026, 11, 23)), "another day"),
        (ach.payroll([ANNA], FRIDAY), "ask for same-day"),
        (ach.payroll([ANNA], date(2026, 11, 19)), "ask for same-day"),
    ):
        with pytest.raises(ach.FileRefused, match=why):
            write(batch, created=created)
    with pytest.raises(ach.FileRefused, match="closed"):
        write(fits, created=datetime.combine(FRIDAY, time(10, 31)))


# What is refused


@pytest.mark.parametrize(
    ("change", "why"),
    [
        ({"sec_code": "WEB"}, "neither PPD nor CCD"),
        ({"description": "SALARY"}, "PAYROLL"),
        ({"sec_code": "CCD", "description": ""}, "empty"),
        ({"sec_code": "CCD", "description": " X"}, "empty"),
        ({"sec_code": "CCD", "description": "tax"}, "plain text"),
        ({"sec_code": "CCD", "description": "TAX PAYMENT"}, "over 10"),
        ({"discretionary": "X" * 21}, "discretionary"),
        ({"discretionary": "X\n"}, "discretionary"),
        ({"descriptive_date": "NOV  20"}, "descriptive date"),
        ({"entries": ()}, "nothing to pay"),
        ({"entries": (replace(ANNA, direction="debit"),)}, "reversal only"),
        ({"entries": (replace(ANNA, direction="in"),)}, "direction"),
        ({"entries": (replace(ANNA, prenote=True),)}, "prenotification is not zero"),
        ({"entries": (replace(ANNA, amount_cents=0),)}, "0.01 to 99,999,999.99"),
        ({"entries": (replace(ach.prenote(ANNA), addenda="X"),)}, "has no addenda"),
        ({"entries": (replace(ANNA, addenda="X" * 81),)}, "addenda"),
        ({"entries": (replace(ANNA, addenda="x"),)}, "addenda"),
        ({"entries": (replace(ANNA, addenda="X\n"),)}, "addenda"),
        ({"entries": (replace(ANNA, reference="p"), replace(BORIS, reference="p"))}, "same reference"),
        ({"entries": (replace(ANNA, reference="funds"),), "offset": FUNDS}, "same reference"),
        ({"entries": (ANNA,), "offset": replace(FUNDS, account="1 2")}, "the offset: the account number"),
        (
            {"entries": (replace(ANNA, amount_cents=9_999_999_999), BORIS), "offset": FUNDS},
            "the offset: the amount",
        ),
        ({"description": "REVERSAL", "entries": (ANNA, *_debits(BORIS)), "offset": FUNDS}, "have both"),
    ],
)
def test_a_batch_no_bank_would_take_is_refused(change, why):
    first = ach.payroll([replace(ANNA, reference="first")], FRIDAY)
    with pytest.raises(ach.FileRefused, match=why) as refused:
        write(first, replace(ach.payroll([ANNA], FRIDAY), **change))
    assert refused.value.batch in (2, None)
    assert "reference" in why or str(refused.value).startswith("batch 2")


def test_an_offset_and_a_funding_debit_are_never_both():
    with pytest.raises(ach.FileRefused, match="never by both"):
        write(ach.payroll([ANNA], FRIDAY, offset=FUNDS), ach.funding(FUNDS, 123_456, FRIDAY))


def test_a_file_is_refused_when_empty_too_large_or_out_of_traces():
    terms = {"bank": BANK, "originator": EMPLOYER, "created": WEDNESDAY}
    with pytest.raises(ach.FileRefused, match="nothing to pay"):
        ach.build(batches=[], **terms)
    most = [replace(ANNA, amount_cents=ach.MAX_ENTRY_CENTS)] * 60
    with pytest.raises(ach.FileRefused, match="one file"):
        write(*[ach.payroll(most, FRIDAY)] * 2)
    assert write(ach.payroll([ANNA, BORIS], FRIDAY), first_trace=9_999_998).traces == {}
    for first in (0, 9_999_999):
        with pytest.raises(ach.FileRefused, match="seven digits"):
            write(ach.payroll([ANNA, BORIS], FRIDAY), first_trace=first)


# Over the limits


def test_within_the_limits_nothing_is_divided():
    given_batches = [ach.payroll([ANNA, BORIS], FRIDAY), ach.child_support([supported()], FRIDAY)]
    assert ach.split(given_batches) == [given_batches]
    assert ach.split([]) == []


CENTS = st.integers(ach.MAX_ENTRY_CENTS, 3 * ach.MAX_ENTRY_CENTS)


@settings(max_examples=80, deadline=None)
@given(
    st.lists(st.lists(entries(addenda=True), min_size=1, max_size=12), min_size=1, max_size=4),
    st.booleans(),
    st.builds(ach.Limits, st.integers(3, 9), CENTS, st.integers(3, 20), CENTS, st.just(ach.MAX_ENTRY_CENTS)),
    st.randoms(use_true_random=False),
)
def test_what_is_divided_adds_up_and_fits(many, balanced, limits, shuffler):
    whole = [
        ach.payroll(
            [replace(e, reference=f"{b}.{n}") for n, e in enumerate(of)],
            FRIDAY,
            offset=replace(FUNDS, reference=f"funds {b}") if balanced else None,
        )
        for b, of in enumerate(many)
    ]
    files = ach.split(whole, limits=limits)
    read = [parse(write(*batches_).content) for batches_ in files]
    for file in read:
        assert sum(batch["count"] for batch in file) <= limits.file_records
        assert sum(batch["credits"] for batch in file) <= limits.file_cents
        assert all(b["count"] <= limits.batch_records and b["credits"] <= limits.batch_cents for b in file)
        assert all(not balanced or b["debits"] == b["credits"] for b in file)
    carried = [e.reference for batches_ in files for batch in batches_ for e in batch.entries]
    assert sorted(carried) == sorted(e.reference for batch in whole for e in batch.entries)
    mixed = [replace(b, entries=tuple(shuffler.sample(list(b.entries), len(b.entries)))) for b in whole]
    again = [write(*batches_).content for batches_ in ach.split(mixed, limits=limits)]
    assert again == [write(*batches_).content for batches_ in files]


def test_ten_thousand_million_dollars_need_more_than_one_file():
    entries_ = [
        replace(ANNA, individual_id=f"E{n:03}", amount_cents=ach.MAX_ENTRY_CENTS, reference=str(n))
        for n in range(101)
    ]
    files = ach.split([ach.payroll(entries_, FRIDAY)])
    assert [[len(batch.entries) for batch in file] for file in files] == [[100], [1]]


def test_an_entry_is_never_divided():
    over = [ach.payroll([ANNA, replace(BORIS, amount_cents=ach.MAX_ENTRY_CENTS + 1)], FRIDAY)]
    with pytest.raises(ach.FileRefused, match=r"batch 1, entry 2: .*99,999,999\.99"):
        ach.split(over)
    with pytest.raises(ach.FileRefused, match=r"entry 1: .*1,000\.00"):
        ach.split([ach.payroll([ANNA], FRIDAY)], limits=ach.Limits(entry_cents=1_000_00))
    with pytest.raises(ach.FileRefused, match="does not fit"):
        ach.split([ach.child_support([supported()], FRIDAY)], limits=ach.Limits(batch_records=1))


def test_neither_names_nor_accounts_nor_addenda_show_in_what_is_printed():
    shown = f"{supported()!r} {FUNDS!r} {SUPPORT!r} {ach.payroll([ANNA], FRIDAY)!r}"
    for secret in ("5550001", "Baker", "BAKER", "123456789", "Disbursement", "777", "A1234*", "Anna"):
        assert secret not in shown
