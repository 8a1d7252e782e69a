"""A pay run from the roster to the bank: who is paid what, once, and what becomes of everybody else.

What people are owed is worked out here by hand from the published tables, never taken from the program:

    federal   IRS Pub. 15-T (2026), Worksheet 1A and the STANDARD schedule for single filers: annual wages less
              8,600 on line 1g; 10 % from 7,500, 1,240.00 + 12 % from 19,900, 5,800.00 + 22 % from 57,900,
              192,979.25 + 37 % from 648,100
    FICA      6.2 % up to 184,500 a year (SSA, 2026), 1.45 %, and 0.9 % above 200,000 (IRC 3101(b)(2))
    states    Texas has no income tax; Illinois 4.95 % (35 ILCS 5/201); Pennsylvania 3.07 % (72 P.S. 7302), where
              401(k) deferrals are taxed and Section 125 premiums are not (61 Pa. Code 101.6)
    401(k)    at most 24,500 a year (IRS Notice 2025-67)
"""

import json
import math
from dataclasses import replace
from datetime import date
from pathlib import Path
from typing import Any
from uuid import UUID

import pytest
from django.conf import settings as configured
from django.db.models.functions import Now

from deploy.postgres import Cluster
from events import dead_letters, runner, store, work
from events.failures import NeedsReview
from events.models import DeadLetter, Work, WorkState
from events.saga import REGISTRY, Batch
from events.store import NewEvent
from events.work import Claimed
from ops import proof
from payroll import corrections, keys, manifest, runs
from payroll.models import Employee, EmployerRun, Notification, PayRun, TimeEntry
from payroll.payments import bank, gateways
from payroll.payments.gateway import GatewayRejected, OutcomeUnknown, PaymentOrder, Receipt
from tests.saga import paydays
from tests.saga.paydays import END, PAYDAY, START, employer, hourly, salaried, worked

pytestmark = pytest.mark.usefixtures("db", "by_file")

SEPTEMBER = (date(2026, 9, 1), date(2026, 9, 30), date(2026, 10, 5))
OCTOBER = (date(2026, 10, 1), date(2026, 10, 31), date(2026, 11, 5))


@pytest.fixture
def by_file(settings: Any) -> None:
    """Payment files are laid down for the bank to fetch; no process is started."""
    settings.PAYROLL_GATEWAY = "ach"


def proven(run: object) -> None:
    """Every line of the run's proof holds."""
    assert [(line.name, line.findings) for line in proof.prove(str(run)) if not line.holds] == []


# What people are paid


# 62,400 / 26 = 2,400.00. Federal: 62,400 - 8,600 = 53,800; 1,240 + 12 % of 33,900 = 5,308.00; / 26 = 204.15.
# Social Security 148.80, Medicare 34.80. 2,400.00 - 204.15 - 148.80 - 34.80
TEXAN_SALARY = 201_225
# The same in Illinois, which takes 4.95 % of 2,400.00 without a Form IL-W-4: 118.80
ILLINOIS_SALARY = TEXAN_SALARY - 11_880
# 45 h and 38 h at 20.00: 83 h = 1,660.00, and half of 20.00 for 5 h of the first week = 50.00: gross 1,710.00.
# Federal: 44,460 - 8,600 = 35,860; 1,240 + 12 % of 15,960 = 3,155.20; / 26 = 121.35. 106.02, and 24.795 is 24.80
TEXAN_OVERTIME = 145_783
# 78,000 / 26 = 3,000.00 with 150.00 of Section 125 and 5 % = 150.00 deferred.
# Federal on 2,700.00: 70,200 - 8,600 = 61,600; 5,800 + 22 % of 3,700 = 6,614.00; / 26 = 254.38.
# FICA on 2,850.00: 176.70 and 41.325, which is 41.33. Pennsylvania on 2,850.00: 87.495, which is 87.50.
# Pennsylvania unemployment, the employee's part: 0.07 % of 3,000.00 = 2.10.
# 3,000.00 - 150.00 - 150.00 - 254.38 - 176.70 - 41.33 - 87.50 - 2.10
PENNSYLVANIAN = 213_799
# 8 h at 20.00 are 160.00, 4,160 a year: below line 1g, so no federal tax; FICA 9.92 and 2.32
EIGHT_HOURS = 16_000 - 992 - 232


def test_a_whole_run_pays_everybody_once_and_to_the_cent(tmp_path: Path) -> None:
    overtime = dict.fromkeys(range(2, 7), "9.00") | dict.fromkeys(range(9, 14), "7.60")
    paydays.load(
        tmp_path,
        [employer("ACME", state="IL", retirement_plan="half_of_6"), employer("BOLT")],
        [
            salaried("ACME", "ann", "62400.00"),
            salaried("ACME", "ida", "62400.00", work_state="IL"),
            salaried(
                "ACME",
                "pam",
                "78000.00",
                work_state="PA",
                section125_per_period="150.00",
                traditional_401k_percent="5",
            ),
            hourly("BOLT", "tex", "20.00"),
            hourly("BOLT", "zero", "20.00"),
        ],
        worked("BOLT", "tex", overtime),
    )
    run = paydays.pay()
    assert paydays.credits() == {
        "ann": [TEXAN_SALARY],
        "ida": [ILLINOIS_SALARY],
        "pam": [PENNSYLVANIAN],
        "tex": [TEXAN_OVERTIME],
    }
    proven(run)
    # 5 % deferred, of which half of up to 6 % of pay is matched: 75.00; the employer's FICA is the employee's.
    pam = paydays.facts("ACME", "pam")
    assert (pam["match_cents"], pam["employer_social_security_cents"], pam["employer_medicare_cents"]) == (
        7_500,
        17_670,
        4_133,
    )
    validated = paydays.part("BOLT")["EmployerRunValidated"]
    assert (validated["completed"], validated["no_hours"], validated["payable"]) == (2, 1, 1)
    assert (validated["total_gross_cents"], validated["total_net_cents"]) == (171_000, TEXAN_OVERTIME)
    assert {each.company_id for file in paydays.files() for each in file.batches} == {
        "1120000001",
        "1120000002",
    }
    assert {each.effective for file in paydays.files() for each in file.batches} == {PAYDAY}


def test_the_sandbox_bank_books_each_person_once(tmp_path: Path, settings: Any) -> None:
    settings.PAYROLL_GATEWAY = "sandbox"
    paydays.load(
        tmp_path,
        [employer("ACME")],
        [salaried("ACME", "ann", "62400.00"), salaried("ACME", "bob", "62400.00")],
    )
    run = paydays.pay()
    books = bank.books(settings.STATE_DIR / "bank")
    assert [(each.individual_id, each.amount_cents) for each in books] == [
        ("ANN", TEXAN_SALARY),
        ("BOB", TEXAN_SALARY),
    ]
    proven(run)
    assert paydays.open_run() == run
    paydays.work()
    assert bank.books(settings.STATE_DIR / "bank") == books


def test_two_files_of_one_employer_on_one_day_are_told_apart(tmp_path: Path, settings: Any) -> None:
    """The bank knows a file by company, day and modifier; here nobody folds the read models in between."""
    settings.PAYROLL_AUTO_APPROVE = True
    paydays.load(tmp_path, [employer("ACME")], [salaried("ACME", "ann", "62400.00")])
    for start, end in ((START, END), paydays.NEXT[:2]):
        paydays.open_run(period=(start, end, paydays.NEXT[2]))
    while Work.objects.filter(state=WorkState.READY).update(available_at=Now()):
        runner.run_due()
    assert sorted(file.modifier for file in paydays.files()) == ["A", "B"]
    assert paydays.credits() == {"ann": [TEXAN_SALARY] * 2}


class Deaf:
    """A bank that books what it is sent, and whose answers to some calls are lost."""

    name = "deaf"
    lookup_lag_s = 0.0
    key_valid_s = math.inf

    def __init__(self, lost: set[int]) -> None:
        self.lost = lost
        self.asked: list[str] = []
        self.booked: dict[UUID, Receipt] = {}

    def find(self, key: UUID) -> Receipt | None:
        self._hear("find")
        return self.booked.get(key)

    def send(self, order: PaymentOrder) -> Receipt:
        assert order.key not in self.booked, "sent blindly again"
        self.booked[order.key] = Receipt(order.key, "1", order.sha256, order.entries, order.total_cents)
        self._hear("send")
        return self.booked[order.key]

    def _hear(self, what: str) -> None:
        self.asked.append(what)
        if len(self.asked) in self.lost:
            raise OutcomeUnknown("no answer")


@pytest.mark.parametrize(
    ("lost", "asked"),
    [
        (set(), ["find", "send"]),
        ({1, 2}, ["find", "find", "find", "send"]),
        ({2}, ["find", "send", "find"]),
        ({2, 3, 4}, ["find", "send", "find", "find", "find"]),
    ],
)
def test_a_bank_that_does_not_answer_is_asked_by_key_and_never_sent_to_blindly(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, lost: set[int], asked: list[str]
) -> None:
    deaf = Deaf(lost)
    monkeypatch.setattr(gateways, "named", lambda name: deaf)
    paydays.load(tmp_path, [employer("ACME")], [salaried("ACME", "ann", "62400.00")])
    run = paydays.pay()
    assert deaf.asked == asked
    assert [each.total_cents for each in deaf.booked.values()] == [TEXAN_SALARY]
    assert paydays.letters() == []
    proven(run)


def test_a_bank_that_refuses_is_a_dead_letter_at_once(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    class Refusing(Deaf):
        def send(self, order: PaymentOrder) -> Receipt:
            self.asked.append("send")
            raise GatewayRejected("not today")

    deaf = Refusing(set())
    monkeypatch.setattr(gateways, "named", lambda name: deaf)
    paydays.load(tmp_path, [employer("ACME")], [salaried("ACME", "ann", "62400.00")])
    paydays.pay()
    letter = paydays.letter()
    assert (letter.step, letter.kind) == ("confirm", "needs review") and "not today" in letter.reason
    assert deaf.asked == ["find", "send"]
    deaf = Deaf(set())
    dead_letters.redrive(letter.id, by="maker")
    paydays.work()
    assert [each.total_cents for each in deaf.booked.values()] == [TEXAN_SALARY]


def test_the_same_command_again_is_the_same_run_and_pays_nobody(tmp_path: Path) -> None:
    paydays.load(tmp_path, [employer("ACME")], [salaried("ACME", "ann", "62400.00")])
    run = paydays.pay()
    paid, log = paydays.credits(), store.read_all()
    again = runs.open_run(START, END, PAYDAY, opened_by="somebody else")
    paydays.work()
    assert (again.run, again.new) == (run, False)
    assert (paydays.credits(), store.read_all()) == (paid, log)


def test_hourly_people_without_hours_are_paid_nothing_and_are_listed(tmp_path: Path) -> None:
    paydays.load(
        tmp_path,
        [employer("ACME")],
        [hourly("ACME", "idle", "20.00", section125_per_period="85.00"), salaried("ACME", "ann", "62400.00")],
    )
    run = paydays.pay()
    assert paydays.credits() == {"ann": [TEXAN_SALARY]}
    idle = paydays.facts("ACME", "idle")
    assert (idle["no_hours"], idle["gross_cents"], idle["section125_cents"], idle["net_cents"]) == (
        True,
        0,
        0,
        0,
    )
    assert paydays.part("ACME")["EmployerRunValidated"]["no_hours"] == 1
    proven(run)


def test_an_employer_whose_people_earned_nothing_sends_no_file(tmp_path: Path) -> None:
    paydays.load(tmp_path, [employer("ACME")], [hourly("ACME", "idle", "20.00")])
    run = paydays.pay()
    assert paydays.files() == []
    assert paydays.part("ACME")["MoneyMoved"] == {
        "paid": 0,
        "paid_cents": 0,
        "bank_reference": "nothing to pay",
    }
    assert "EmployerRunCompleted" in paydays.part("ACME")
    proven(run)


def test_section_125_that_pay_does_not_bear_is_not_taken_and_says_so(tmp_path: Path) -> None:
    """2 h at 20.00 are 40.00; 85.00 were elected and not taken: 40.00 less FICA of 2.48 and 0.58 is 36.94."""
    paydays.load(
        tmp_path,
        [employer("ACME")],
        [hourly("ACME", "few", "20.00", section125_per_period="85.00"), salaried("ACME", "ann", "62400.00")],
        worked("ACME", "few", {2: "2.00"}),
    )
    run = paydays.pay()
    few = paydays.facts("ACME", "few")
    assert (few["gross_cents"], few["section125_cents"], few["section125_short_cents"]) == (
        4_000,
        0,
        8_500,
    )
    assert (few["net_cents"], few["employee_taxes_cents"]) == (3_694, 306)
    assert paydays.credits() == {"ann": [TEXAN_SALARY], "few": [3_694]}
    proven(run)


def test_people_hired_and_gone_in_the_period_are_paid_their_weekdays(tmp_path: Path) -> None:
    """Ten weekdays from 2 to 13 November; days of employment over ten, of 2,400.00.

    hired Monday the 9th: 5, 1,200.00. 31,200 - 8,600 = 22,600; 1,240 + 12 % of 2,700 = 1,564.00; / 26 = 60.15;
    FICA 74.40 and 17.40. gone Wednesday the 4th: 3, 720.00. 18,720 - 8,600 = 10,120; 10 % of 2,620 = 262.00;
    / 26 = 10.08; FICA 44.64 and 10.44
    """
    paydays.load(
        tmp_path,
        [employer("ACME")],
        [
            salaried("ACME", "new", "62400.00", hire_date="2026-11-09"),
            salaried("ACME", "gone", "62400.00", termination_date="2026-11-04"),
            salaried("ACME", "before", "62400.00", termination_date="2026-10-31"),
            salaried("ACME", "later", "62400.00", hire_date="2026-11-15"),
            salaried("ACME", "last", "62400.00", termination_date="2026-11-14"),
        ],
    )
    run = paydays.pay()
    assert paydays.credits() == {"new": [104_805], "gone": [65_484], "last": [TEXAN_SALARY]}
    assert paydays.part("ACME")["EmployerRunBegan"]["employees"] == 3
    proven(run)


def test_a_pay_date_of_2025_uses_the_tables_of_2025(tmp_path: Path) -> None:
    """Pub. 15-T (2025): 53,800 is 1,192.50 + 12 % of what exceeds 18,325 = 5,449.50; / 26 = 209.60."""
    paydays.load(tmp_path, [employer("ACME")], [salaried("ACME", "ann", "62400.00")])
    run = paydays.pay(period=(date(2025, 11, 2), date(2025, 11, 15), date(2025, 11, 21)))
    assert paydays.credits() == {"ann": [240_000 - 20_960 - 14_880 - 3_480]}
    proven(run)


def test_a_pay_date_without_tables_is_refused_by_name(tmp_path: Path) -> None:
    paydays.load(tmp_path, [employer("ACME")], [salaried("ACME", "ann", "62400.00")])
    log = store.read_all()
    with pytest.raises(NeedsReview, match="2031"):
        paydays.open_run(period=(date(2031, 1, 5), date(2031, 1, 18), date(2031, 1, 24)))
    assert store.read_all() == log


# Year to date


def rich(**other: str) -> dict[str, str]:
    """110,000.00 a month."""
    return salaried("ACME", "rich", "1320000.00", **{"traditional_401k_percent": "20"} | other)


# Deferral 20 % = 22,000.00. Federal on 88,000.00: 1,056,000 - 8,600 = 1,047,400; 192,979.25 + 37 % of 399,300 =
# 340,720.25; / 12 = 28,393.35. Social Security 6,820.00, Medicare 1,595.00
FIRST_OF_RICH = 11_000_000 - 2_200_000 - 2_839_335 - 682_000 - 159_500
# Deferral 24,500 - 22,000 = 2,500.00. Federal on 107,500.00: 1,290,000 - 8,600 = 1,281,400; 192,979.25 + 37 % of
# 633,300 = 427,300.25; / 12 = 35,608.35. Social Security on 184,500 - 110,000 = 74,500: 4,619.00. Medicare 1,595.00,
# and 0.9 % of 220,000 - 200,000: 180.00
SECOND_OF_RICH = 11_000_000 - 250_000 - 3_560_835 - 461_900 - 159_500 - 18_000


def test_year_to_date_goes_on_into_the_next_run(tmp_path: Path) -> None:
    """Social Security, Additional Medicare and the deferral all cross their limit with the second check."""
    paydays.load(tmp_path, [employer("ACME", pay_frequency="monthly")], [rich()])
    runs_ = [paydays.pay(period=SEPTEMBER), paydays.pay(period=OCTOBER)]
    assert paydays.credits() == {"rich": [FIRST_OF_RICH, SECOND_OF_RICH]}
    later = paydays.facts("ACME", "rich", OCTOBER)
    assert (later["ss_taxable_cents"], later["additional_medicare_taxable_cents"]) == (7_450_000, 2_000_000)
    assert (later["traditional_401k_cents"], later["deferral_refused_cents"]) == (250_000, 1_950_000)
    assert later["employer_social_security_cents"] == 461_900
    assert later["employer_medicare_cents"] == 159_500  # the employer owes no Additional Medicare
    assert later["employer_futa_cents"] == 0  # the 7,000 of the year went with the first check
    assert paydays.facts("ACME", "rich", SEPTEMBER)["employer_futa_cents"] == 4_200
    for run in runs_:
        proven(run)


def test_social_security_of_a_year_is_never_a_cent_more_than_the_base_owes(tmp_path: Path) -> None:
    """6.2 % of 110,002.50 is 6,820.155, of the 74,497.50 left 4,618.845: both round up, and 11,439.00 is the most."""
    paydays.load(tmp_path, [employer("ACME", pay_frequency="monthly")], [rich(pay_rate="1320030.00")])
    withheld = []
    for period in (SEPTEMBER, OCTOBER):
        paydays.pay(period=period)
        withheld.append(paydays.facts("ACME", "rich", period)["social_security_cents"])
    assert withheld == [682_016, 461_884]


def test_two_runs_opened_at_once_compute_one_after_the_other(tmp_path: Path) -> None:
    """The second one's year to date holds the first one's checks, whatever the workers do."""
    paydays.load(tmp_path, [employer("ACME", pay_frequency="monthly")], [rich()])
    opened = [paydays.open_run(period=SEPTEMBER), paydays.open_run(period=OCTOBER)]
    paydays.work()
    taxable = [paydays.facts("ACME", "rich", period)["ss_taxable_cents"] for period in (SEPTEMBER, OCTOBER)]
    assert sorted(taxable) == [7_450_000, 11_000_000]
    for run in opened:
        paydays.approve(run)
    paydays.work()
    assert sum(map(len, paydays.credits().values())) == 2


@pytest.mark.parametrize("claimed", ["together", "one after the other"])
def test_two_snapshots_of_one_employer_at_the_same_time_do_not_miss_each_other(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, claimed: str
) -> None:
    """Whoever is about to freeze a year to date that another worker is adding to stands back."""
    paydays.load(tmp_path, [employer("ACME", pay_frequency="monthly")], [rich()])
    paydays.open_run(period=SEPTEMBER)
    paydays.open_run(period=OCTOBER)
    for _ in range(2):
        take("open-employers")
    first = take("snapshot", run=False)
    if claimed == "together":
        second = take("snapshot", run=False)
        runner.run(first)
        runner.run(second)
    else:
        write = manifest.write

        def write_late(*arguments: Any) -> Any:
            """The first worker has looked and found nobody; now comes the second."""
            monkeypatch.setattr(manifest, "write", write)
            take("snapshot")
            return write(*arguments)

        monkeypatch.setattr(manifest, "write", write_late)
        runner.run(first)
    paydays.work()
    taxable = [paydays.facts("ACME", "rich", period)["ss_taxable_cents"] for period in (SEPTEMBER, OCTOBER)]
    assert sorted(taxable) == [7_450_000, 11_000_000]


def take(step: str, *, run: bool = True) -> Claimed:
    """Claim the next piece of work, which must stand before this step, and run it or only hold it."""
    held = work.claim("here", queues=None, lease_s=60)
    assert held and held.step == step
    if run:
        runner.run(held)
    return held


def held(tmp_path: Path) -> tuple[DeadLetter, DeadLetter]:
    """Somebody in a state without tables, mended too late: September waits, and so does October because of it."""
    people = [rich(work_state="AL"), salaried("ACME", "ann", "62400.00")]
    rows = paydays.load(tmp_path, [employer("ACME", pay_frequency="monthly")], people)
    paydays.pay(period=SEPTEMBER)
    paydays.mend(tmp_path, rows, "rich", work_state="TX")
    paydays.pay(period=OCTOBER)
    first, second = paydays.letters()
    return first, second


def test_somebody_whose_earlier_paycheck_is_unfinished_is_held_in_the_next_run(tmp_path: Path) -> None:
    first, second = held(tmp_path)
    assert "AL" in first.reason
    assert "an earlier paycheck is not finished" in second.reason
    assert (second.step, second.subject) == (
        "begin",
        keys.paycheck_stream(paydays.employer_run("ACME", OCTOBER), "rich"),
    )
    assert paydays.credits() == {}, "both runs wait"


def test_two_unfinished_paychecks_are_mended_one_after_the_other(tmp_path: Path) -> None:
    """The earlier one is not held by the later one, and the later one sees what the earlier one paid."""
    first, second = held(tmp_path)
    corrections.redrive_corrected(first.id, by="maker")
    paydays.work()
    assert [letter.id for letter in paydays.letters()] == [second.id]
    corrections.redrive_corrected(second.id, by="maker")
    paydays.work()
    assert paydays.letters() == []
    for period in (SEPTEMBER, OCTOBER):
        runs.approve(paydays.employer_run("ACME", period), by="checker")
    paydays.work()
    assert paydays.credits()["rich"] == [FIRST_OF_RICH, SECOND_OF_RICH]
    for run in PayRun.objects.all():
        proven(run.run)


def test_a_later_paycheck_is_not_begun_again_while_an_earlier_one_is_computed(tmp_path: Path) -> None:
    first, second = held(tmp_path)
    corrections.redrive_corrected(first.id, by="maker")
    with pytest.raises(runs.Refused, match="is being computed"):
        corrections.redrive_corrected(second.id, by="maker")
    assert second.id in {letter.id for letter in paydays.letters()}


def test_a_paycheck_begun_again_sees_what_no_read_model_knows_yet(tmp_path: Path) -> None:
    first, second = held(tmp_path)
    corrections.redrive_corrected(first.id, by="maker")
    runner.run_due()  # computed, and nobody has folded it
    corrections.redrive_corrected(second.id, by="maker")
    paydays.work()
    assert paydays.facts("ACME", "rich", OCTOBER, 2)["ss_taxable_cents"] == 7_450_000


# Who cannot be paid


def two_employers(tmp_path: Path) -> Any:
    """ACME has somebody in a state without tables."""
    return paydays.load(
        tmp_path,
        [employer("ACME"), employer("BOLT")],
        [
            salaried("ACME", "ann", "62400.00"),
            salaried("ACME", "cal", "62400.00", work_state="AL"),
            salaried("BOLT", "bob", "62400.00"),
        ],
    )


def test_a_state_without_rules_holds_its_employer_and_nobody_else(tmp_path: Path) -> None:
    two_employers(tmp_path)
    run = paydays.pay()
    assert paydays.credits() == {"bob": [TEXAN_SALARY]}
    letter = paydays.letter()
    assert (letter.step, letter.kind, letter.group_key) == ("tax-calc", "needs review", "ACME")
    assert "AL" in letter.reason and "2026" in letter.reason
    assert list(paydays.part("ACME")) == ["EmployerRunOpened", "EmployerRunBegan"]
    with pytest.raises(runs.Refused, match="not validated"):
        runs.approve(paydays.employer_run("ACME"), by="checker")
    proven(run)


def test_a_plain_redrive_fails_again_because_inputs_are_frozen(tmp_path: Path) -> None:
    rows = two_employers(tmp_path)
    run = paydays.pay()
    paydays.mend(tmp_path, rows, "cal", work_state="TX")
    dead_letters.redrive(paydays.letter().id, by="maker")
    paydays.work()
    assert "AL" in paydays.letter().reason
    assert paydays.credits() == {"bob": [TEXAN_SALARY]}
    proven(run)


def test_a_dismissed_person_is_left_out_and_the_employer_goes_on(tmp_path: Path) -> None:
    two_employers(tmp_path)
    run = paydays.pay()
    dead_letters.dismiss(paydays.letter().id, by="maker", reason="paid by check")
    paydays.work()
    paydays.approve(run)
    paydays.work()
    assert paydays.credits() == {"ann": [TEXAN_SALARY], "bob": [TEXAN_SALARY]}
    validated = paydays.part("ACME")["EmployerRunValidated"]
    assert (validated["completed"], validated["excluded"]) == (1, 1)
    assert paydays.paycheck("ACME", "cal")[-1].type == "PaycheckExcluded"
    assert store.read(keys.payrun_stream(run))[-1].type == "PayRunCompleted"
    proven(run)


def test_corrected_inputs_pay_the_right_amount_once(tmp_path: Path) -> None:
    rows = two_employers(tmp_path)
    run = paydays.pay()
    paydays.mend(tmp_path, rows, "cal", work_state="IL")
    corrections.redrive_corrected(paydays.letter().id, by="maker", reason="moved")
    paydays.work()
    paydays.approve(run)
    paydays.work()
    assert paydays.credits() == {"ann": [TEXAN_SALARY], "bob": [TEXAN_SALARY], "cal": [ILLINOIS_SALARY]}
    assert paydays.paycheck("ACME", "cal")[-1].type == "PaycheckSuperseded"
    assert paydays.facts("ACME", "cal", sequence=2)["state"] == "IL"
    validated = paydays.part("ACME")["EmployerRunValidated"]
    assert (validated["completed"], validated["excluded"], validated["total_gross_cents"]) == (2, 0, 480_000)
    corrected = paydays.part("ACME")["InputsCorrected"]
    assert (corrected["corrected_by"], corrected["corrected_reason"], corrected["corrected"]) == (
        "maker",
        "moved",
        "cal",
    )
    proven(run)


def test_corrected_hours_are_in_the_control_totals(tmp_path: Path) -> None:
    """Begun again twice: 20 h become 10 h, and those 8 h; the totals count what was counted last."""
    people = [hourly("ACME", "tex", "20.00", work_state="AL"), salaried("ACME", "ann", "62400.00")]
    rows = paydays.load(tmp_path, [employer("ACME")], people, worked("ACME", "tex", {2: "20.00"}))
    run = paydays.pay()
    for state, hours in (("OR", "10.00"), ("TX", "8.00")):
        rows["time_entries.csv"][0]["hours"] = hours
        paydays.mend(tmp_path, rows, "tex", work_state=state)
        corrections.redrive_corrected(paydays.letter().id, by="maker")
        paydays.work()
    assert paydays.letters() == []
    paydays.approve(run)
    paydays.work()
    assert paydays.credits() == {"ann": [TEXAN_SALARY], "tex": [EIGHT_HOURS]}
    assert paydays.paycheck("ACME", "tex", sequence=2)[-1].type == "PaycheckSuperseded"
    proven(run)


def test_an_alarm_of_a_whole_batch_is_not_begun_again_as_one_person(tmp_path: Path) -> None:
    """Another result of ann's last step is in the log: her letter stands for the work of everybody in her batch."""
    paydays.load(
        tmp_path,
        [employer("ACME")],
        [salaried("ACME", "ann", "62400.00"), salaried("ACME", "bob", "62400.00")],
    )
    paydays.open_run()
    for step in ("open-employers", "snapshot"):
        take(step)
    held = work.claim("here", queues=None, lease_s=60)
    assert held and held.items == 2
    stream = keys.paycheck_stream(paydays.employer_run("ACME"), "ann")
    intruder = NewEvent(stream, 1, "PaycheckBegan", {"employee_id": "ann", "manifest": "another"})
    load = REGISTRY["paychecks"].load

    def load_then_lose(claimed: Claimed) -> Batch:
        batch = load(claimed)
        store.append([intruder])
        return batch

    with pytest.MonkeyPatch.context() as patch:
        patch.setitem(REGISTRY, "paychecks", replace(REGISTRY["paychecks"], load=load_then_lose))
        runner.run(held)
    letter = paydays.letter()
    assert (letter.kind, letter.subject) == ("alarm", stream)
    with pytest.raises(runs.Refused, match="2 people"):
        corrections.redrive_corrected(letter.id, by="maker")
    assert paydays.letter().id == letter.id


def test_an_employer_with_nobody_employed_cannot_complete(tmp_path: Path) -> None:
    paydays.load(
        tmp_path,
        [employer("ACME"), employer("VOID")],
        [
            salaried("ACME", "ann", "62400.00"),
            salaried("VOID", "gone", "62400.00", termination_date="2026-10-01"),
        ],
    )
    run = paydays.pay()
    assert paydays.credits() == {"ann": [TEXAN_SALARY]}
    assert "nobody is employed by VOID" in paydays.letter().reason
    assert store.read(keys.payrun_stream(run))[-1].type == "PayRunOpened"
    with pytest.raises(dead_letters.NothingToUndo):
        dead_letters.dismiss(paydays.letter().id, by="maker", reason="nobody there")
    proven(run)


def test_an_employer_all_of_whose_people_are_left_out_cannot_complete(tmp_path: Path) -> None:
    paydays.load(tmp_path, [employer("ACME")], [salaried("ACME", "cal", "62400.00", work_state="AL")])
    paydays.pay()
    dead_letters.dismiss(paydays.letter().id, by="maker", reason="paid by check")
    paydays.work()
    assert "nobody is left to pay" in paydays.letter().reason
    assert paydays.files() == []


# What is frozen, and what is not written down


def test_edits_of_the_roster_after_the_snapshot_change_nothing(tmp_path: Path) -> None:
    rows = paydays.load(
        tmp_path,
        [employer("ACME")],
        [salaried("ACME", "ann", "62400.00"), hourly("ACME", "tex", "20.00")],
        worked("ACME", "tex", {2: "8.00"}),
    )
    run = paydays.open_run()
    for step in ("open-employers", "snapshot"):
        take(step)
    paydays.mend(tmp_path, rows, "ann", pay_rate="99999.00", work_state="AL", account_number="1111111111")
    TimeEntry.objects.all().delete()
    Employee.objects.filter(employee_id="tex").update(pay_rate="1.00")
    paydays.work()
    paydays.approve(run)
    paydays.work()
    assert paydays.credits() == {"ann": [TEXAN_SALARY], "tex": [EIGHT_HOURS]}
    accounts = {entry.account.strip() for file in paydays.files() for entry in file.entries}
    assert accounts == {"3470824921"}
    proven(run)


def test_no_ssn_and_no_account_number_is_written_down(tmp_path: Path, db: Cluster) -> None:
    """Canaries in everybody's SSN and account, through a run with dead letters, corrections and payments."""
    ssn, account = "912-34-5678", "7758258521"
    canaries = {"ssn": ssn, "account_number": account}
    rows = paydays.load(
        tmp_path,
        [employer("ACME", account_number="6646646641")],
        [
            salaried("ACME", "ann", "62400.00", **canaries),
            salaried("ACME", "cal", "1.00", work_state="AL", account_number=account),
        ],
    )
    run = paydays.pay()
    paydays.mend(tmp_path, rows, "cal", work_state="TX", pay_rate="62400.00")
    corrections.redrive_corrected(
        paydays.letter().id, by="maker", reason=f"his SSN is {ssn}, account {account}"
    )
    paydays.work()
    paydays.approve(run)
    paydays.work()
    assert paydays.credits() == {"ann": [TEXAN_SALARY], "cal": [TEXAN_SALARY]}

    tables = [
        row[0] for row in paydays.as_owner(db, "select tablename from pg_tables where schemaname = 'public'")
    ]
    assert {"events_event", "events_work", "events_deadletter", "payroll_notification"} <= set(tables)
    forbidden = (ssn, ssn.replace("-", ""), account, "6646646641")
    for table in tables:
        for (row,) in paydays.as_owner(db, f"select t::text from {table} t"):  # noqa: S608
            assert not [number for number in forbidden if number in row], f"{table}: {row[:200]}"
    objects = Path(configured.PAYROLL_OBJECTS)
    manifests = list((objects / "manifests").rglob("*.json"))
    assert len(manifests) == 2
    for path in manifests:
        text = path.read_text()
        assert not [number for number in forbidden if number in text], path
        assert "ssn" not in text
        assert {each["pay_to"]["account_type"] for each in json.loads(text)["employees"]} == {"checking"}
    assert Notification.objects.filter(employee_id="ann").count() == 1
    assert Notification.objects.count() == 3  # the employer and two people


def test_a_run_is_done_when_everything_in_it_is(tmp_path: Path) -> None:
    paydays.load(
        tmp_path,
        [employer("ACME"), employer("BOLT")],
        [salaried("ACME", "ann", "62400.00"), salaried("BOLT", "bob", "62400.00")],
    )
    run = paydays.open_run()
    paydays.work()
    runs.approve(paydays.employer_run("ACME"), by="checker")
    paydays.work()
    assert paydays.credits() == {"ann": [TEXAN_SALARY]}
    assert store.version(keys.payrun_stream(run)) == 1
    runs.approve(paydays.employer_run("BOLT"), by="checker")
    paydays.work()
    assert [event.type for event in store.read(keys.payrun_stream(run))] == [
        "PayRunOpened",
        "PayRunCompleted",
    ]
    assert not Work.objects.exclude(state=WorkState.DONE).exists()
    assert EmployerRun.objects.filter(last_event="EmployerRunCompleted").count() == 2
