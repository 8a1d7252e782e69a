"""The golden run comes out bit for bit, without a database; and one cent, one figure or one fact changed is named."""

import json
import re
import shutil
from collections.abc import Iterator
from decimal import ROUND_HALF_UP, Decimal
from pathlib import Path
from typing import Any

import pytest

from ops.management.commands.replay import report
from payroll import replay, runs
from payroll.recompute import STEPS
from tests.golden import roster

GOLDEN = Path(__file__).parent / "2026-11"
PRESENT = "present"


def again(folder: Path = GOLDEN, **other: Any) -> replay.Replayed:
    return replay.replay(replay.exported(folder), present_code=PRESENT, **other)


@pytest.fixture
def copy(tmp_path: Path) -> Path:
    """The golden run, to be changed."""
    return Path(shutil.copytree(GOLDEN, tmp_path / "golden"))


def change(path: Path, old: str, new: str) -> None:
    """Replace the one place where a file says something."""
    text = path.read_text()
    assert text.count(old) == 1, f"{path.name} has {old!r} {text.count(old)} times"
    path.write_text(text.replace(old, new))


def entries() -> Iterator[tuple[dict[str, Any], dict[str, Any], dict[str, Any]]]:
    """The terms, the frozen inputs and the facts of every paycheck."""
    for batch in replay.exported(GOLDEN).batches:
        for entry in batch.manifest["employees"]:
            (stream,) = [name for name in batch.events if name.endswith("+" + entry["employee_id"])]
            facts = {name: value for _, data in batch.events[stream] for name, value in data.items()}
            yield batch.manifest["terms"], entry, facts


def named(employee_id: str) -> dict[str, Any]:
    (facts,) = [facts for _, entry, facts in entries() if entry["employee_id"] == employee_id]
    return facts


def cents(amount: Decimal) -> int:
    """Half up to the cent."""
    return int(amount.quantize(Decimal(1), ROUND_HALF_UP))


# Bit for bit


def test_every_event_comes_out_bit_for_bit() -> None:
    found = again()
    assert found.differences == [], "\n" + report(found)
    assert (found.paychecks, found.events) == (len(roster.PEOPLE), len(roster.PEOPLE) * len(STEPS))
    assert found.totals == {}
    assert found.rules == found.present_rules


def test_everybody_of_the_roster_is_in_it_and_complete() -> None:
    assert sorted(entry["employee_id"] for _, entry, _ in entries()) == sorted(
        row["employee_id"] for row in roster.PEOPLE
    )
    assert all("net_cents" in facts for _, _, facts in entries())
    assert len(roster.PEOPLE) == 40


def test_one_cent_is_named(copy: Path) -> None:
    net = named("dues")["net_cents"], named("bonus")["net_cents"]
    change(copy / "00003.jsonl", f'"net_cents": {net[1]}', f'"net_cents": {net[1] + 1}')
    found = again(copy)
    (difference,) = found.differences
    assert difference[:2] == ("CEDAR", "bonus")
    assert difference[3:] == ("RetirementCalculated", "net_cents", net[1] + 1, net[1])
    assert (difference.cents, found.totals) == (-1, {"net_cents": -1})
    assert "CEDAR bonus RetirementCalculated.net_cents: " in report(found)
    assert "together net: -0.01" in report(found)


def test_one_figure_of_the_rules_is_named_by_whom_it_pays_otherwise(copy: Path) -> None:
    """Pennsylvania at 3.08 %: whoever works there, and nobody else, by a ten-thousandth of their state wages."""
    change(
        copy / "rules.toml",
        'excludes = ["section125"]\nrate_percent = 3.07',
        'excludes = ["section125"]\nrate_percent = 3.08',
    )
    found = again(copy)
    by_hand = {}
    for _, entry, facts in entries():
        if entry["work_state"] == "PA":
            wages = Decimal(facts["state_wages_cents"])
            more = cents(wages * Decimal("0.0308")) - cents(wages * Decimal("0.0307"))
            by_hand[entry["employee_id"]] = more
    assert by_hand.keys() == {"pa", "several-rates", "benefits"} and all(by_hand.values())
    assert {
        difference.employee_id: difference.cents
        for difference in found.differences
        if difference.fact == "state_income_tax_cents"
    } == by_hand
    assert found.totals["net_cents"] == -sum(by_hand.values())
    assert found.rules == found.present_rules, "the folder holds the tables that it says it is pinned to"


@pytest.mark.parametrize(
    ("who", "raised", "fact", "more"),
    [
        ("plain-hours", "0.01", "straight_time_cents", 80),  # 80 h at one cent more
        ("tx", "26", "gross_cents", 100),  # a dollar a period
    ],
)
def test_one_fact_of_the_inputs_is_named(copy: Path, who: str, raised: str, fact: str, more: int) -> None:
    path = next(path for path in sorted(copy.glob("*.jsonl")) if f'"{who}"' in path.read_text())
    first, *rest = path.read_text().splitlines()
    batch = json.loads(first)
    (entry,) = [entry for entry in batch["manifest"]["employees"] if entry["employee_id"] == who]
    entry["pay_rate"] = str(Decimal(entry["pay_rate"]) + Decimal(raised))
    path.write_text("\n".join([json.dumps(batch), *rest]) + "\n")
    found = again(copy)
    assert {difference.employee_id for difference in found.differences} == {who}
    assert found.totals[fact] == more


def test_what_is_missing_is_no_agreement(copy: Path) -> None:
    (copy / "00002.jsonl").unlink()
    with pytest.raises(
        runs.Refused, match=r"is not whole: it holds 2 batches, .*, and 3 batches, 40 paychecks"
    ):
        again(copy)


def test_a_paycheck_or_an_event_that_is_missing_is_no_agreement(copy: Path) -> None:
    path = copy / "00001.jsonl"
    lines = path.read_text().splitlines()
    path.write_text("\n".join(lines[:-1]) + "\n")
    with pytest.raises(runs.Refused, match="is not whole"):
        again(copy)
    last = json.loads(lines[-1])
    last["events"].pop()
    path.write_text("\n".join([*lines[:-1], json.dumps(last)]) + "\n")
    with pytest.raises(
        runs.Refused, match="40 paychecks, 199 events, and 3 batches, 40 paychecks, 200 events"
    ):
        again(copy)


# What an export may not hold


def test_it_holds_no_names_no_accounts_and_no_ssns() -> None:
    rows = [*roster.PEOPLE, *roster.EMPLOYERS]
    secrets = {
        row[name]
        for row in rows
        for name in ("account_number", "routing_number", "last_name", "first_name", "name", "ein")
        if name in row
    }
    for path in GOLDEN.iterdir():
        text = path.read_text()
        assert not {secret for secret in secrets if secret in text or json.dumps(secret)[1:-1] in text}
        assert not re.search(r"\b\d{3}-\d{2}-\d{4}\b|\b\d{2}-\d{7}\b", text)
    for batch in replay.exported(GOLDEN).batches:
        terms = batch.manifest["terms"]
        assert (terms["name"], terms["ein"]) == ("", "")
        assert all(entry["pay_to"] == {} for entry in batch.manifest["employees"])


# Checked by arithmetic that shares nothing with the program

SS_BASE, ADDITIONAL_OVER = 18_450_000, 20_000_000  # SSA 2026; IRC 3101(b)(2)
SINGLE = (  # Pub. 15-T (2026), STANDARD, single: at least, base, percent
    *((0, 0, 0), (7_500, 0, 10), (19_900, 1_240, 12), (57_900, 5_800, 22), (113_200, 17_966, 24)),
    *((209_275, 41_024, 32), (263_725, 58_448, 35), (648_100, Decimal("192979.25"), 37)),
)


def test_gross_less_all_that_is_taken_is_the_net_pay() -> None:
    gross = taxes = net = 0
    for _, entry, facts in entries():
        hours = sum(line[3] for line in facts["earnings"])
        items = sum(item[1] for item in facts["items"] if item[0] != "reimbursement")
        extra = facts["straight_time_cents"] if facts["salary_cents"] else hours
        assert facts["gross_cents"] == facts["salary_cents"] + extra + facts["overtime_premium_cents"] + items
        income = facts["federal_income_tax_cents"] + facts["state_income_tax_cents"]
        fica = facts["social_security_cents"] + facts["medicare_cents"] + facts["additional_medicare_cents"]
        own = sum(line[1] for line in facts["programmes"])
        before = facts["section125_cents"] + facts["hsa_cents"]
        before += facts["traditional_401k_cents"] + facts["roth_401k_cents"]
        after = sum(order[2] for order in facts["garnishments"]) + sum(line[1] for line in facts["post_tax"])
        back = sum(item[1] for item in facts["items"] if item[0] == "reimbursement")
        left = facts["gross_cents"] - income - fica - own - before - after + back
        assert facts["net_cents"] == left >= 0, entry["employee_id"]
        assert facts["employee_taxes_cents"] == income + fica + own
        gross, taxes, net = gross + facts["gross_cents"], taxes + income + fica + own, net + left
    totals = {"gross_cents": gross, "employee_taxes_cents": taxes, "net_cents": net}
    assert totals == {name: sum(facts[name] for _, _, facts in entries()) for name in totals} and all(
        totals.values()
    )


def test_fica_by_hand() -> None:
    for _, entry, facts in entries():
        year = entry["year_to_date"]
        wages = facts["gross_cents"] - facts["section125_cents"] - facts["hsa_cents"]
        before = year.get("fica_wages_cents", 0)
        base = max(0, min(wages, SS_BASE - before))
        security = min(cents(base * Decimal("0.062")), 1_143_900 - year.get("social_security_cents", 0))
        over = max(0, before + wages - max(ADDITIONAL_OVER, before))
        assert (
            facts["social_security_cents"],
            facts["medicare_cents"],
            facts["additional_medicare_cents"],
        ) == (
            security,
            cents(wages * Decimal("0.0145")),
            cents(over * Decimal("0.009")),
        ), entry["employee_id"]


def test_income_tax_of_plain_forms_by_hand() -> None:
    """Single, Form W-4 of 2020 or later without entries, nothing beside regular wages: Worksheet 1A."""
    seen = 0
    for _, entry, facts in entries():
        entered = (
            any(entry[f"step{step}_cents"] for step in ("3", "4a", "4b", "4c")) or entry["step2_checkbox"]
        )
        beside = facts["supplemental_cents"] or facts["federal_income_tax_short_cents"] or entry.get("forms")
        if entry["filing_status"] != "single" or entered or beside:
            continue
        wages = (
            facts["gross_cents"]
            - facts["section125_cents"]
            - facts["hsa_cents"]
            - facts["traditional_401k_cents"]
        )
        annual = max(Decimal(0), Decimal(wages * 26) / 100 - 8_600)
        at_least, base, percent = next(row for row in reversed(SINGLE) if annual >= row[0])
        tax = (base + (annual - at_least) * percent / 100) / 26 * 100
        assert facts["federal_income_tax_cents"] == cents(tax), entry["employee_id"]
        seen += 1
    assert seen >= 20


def test_the_kinds_of_pay_that_it_is_there_for() -> None:
    """The roster does what its rows are named for."""
    assert named("overtime")["overtime_hours_hundredths"] == 875
    assert len(named("several-rates")["earnings"]) == 2
    assert named("ca-double")["double_time_hours_hundredths"] == 250
    assert named("ca-daily")["overtime_hours_hundredths"] == 750
    assert named("bonus-weeks")["overtime_premium_cents"] == 1_000  # 100.00 / 50 h x 1/2 x 10 h
    assert named("premium-too-high")["section125_short_cents"] == 45_000
    assert named("no-hours")["no_hours"]
    assert named("exempt")["federal_income_tax_cents"] == 0
    assert named("lock-in")["federal_income_tax_cents"] > named("tx")["federal_income_tax_cents"]
    # 12 % of 184,615.38 was 22,153.85, and 24,500 is the most; from 60 to 63 years 11,250 more (Notice 2025-67)
    assert named("limits")["traditional_401k_cents"] == 2_450_000 - 2_215_385
    assert named("catch-up")["roth_401k_cents"] == 2_450_000 + 1_125_000 - 2_307_692
    assert named("catch-up")["catch_up_cents"] == 1_125_000
    assert named("limits")["social_security_cents"] == 0
    # 22 % of the 100,000.00 that 900,000.00 left of a million, 37 % of the other 50,000.00
    assert named("bonus")["supplemental_income_tax_cents"] == 2_200_000 + 1_850_000
    # 7,800 a year bear no tax, so a bonus is taxed with it: 33,800 - 8,600 = 25,200; 1,240 + 12 % of 5,300 = 1,876.00
    assert named("first-bonus")["federal_income_tax_cents"] == 7_215
    assert named("retro-refund")["reimbursement_cents"] == 8_765
    # of 4,400 for one person, 2,600.00 were taken the time before
    assert (named("benefits")["hsa_cents"], named("benefits")["hsa_short_cents"]) == (180_000, 80_000)
    assert named("dues")["net_cents"] == 0
    # 25 % of 2,012.25 are 503.06, of which support left the creditor 83.06 the time before, and so 66.94 of 150.00 now
    assert [order[2] for order in named("support")["garnishments"]] == [42_000, 6_694]
    assert named("levy")["net_cents"] == 164_616  # mfj, two dependents: 1,238.46 + 2 x 203.85 are exempt
    states = {entry["work_state"] for _, entry, _ in entries()}
    assert states == {"IL", "CA", "NY", "NJ", "PA", "WA", "MA", "CO", "TX", "OH"}
