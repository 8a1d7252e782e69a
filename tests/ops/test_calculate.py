"""`manage.py calculate`: an array on stdin, one paycheck by flags or from a file, and never a database."""

import json
import os
import subprocess
import sys
from decimal import Decimal
from io import StringIO
from pathlib import Path
from typing import Any

import pytest
from django.core.management import CommandError, call_command

from ops.management.commands import calculate as command
from payroll.calculate import KINDS

ROOT = Path(__file__).resolve().parents[2]
EXAMPLES = json.loads((ROOT / "tests" / "calc" / "examples.json").read_text())["vectors"]
FIT = {
    "tax_year": 2026,
    "pay_frequency": "biweekly",
    "taxable_wages": "2111.12",
    "w4": {"version": "2020+", "filing_status": "single"},
}
PAYCHECK = {
    "tax_year": 2026,
    "pay_frequency": "biweekly",
    "gross": "2600.00",
    "w4": {"version": "2020+", "filing_status": "single"},
    "section125": ["95.00"],
    "state": "IL",
    "post_tax": ["10.00", "2.50"],
}
# 2,505.00 x 26 - 8,600 = 56,530.00 a year; 1,240 + 12 % of what is over 19,900 = 5,635.60; / 26 = 216.753…
TAX = "216.75"


def asked(*inputs: Any, kind: str = "fit") -> dict[str, Any]:
    """What is answered to inputs of one kind, by their place."""
    items = [{"id": number, "kind": kind, "input": content} for number, content in enumerate(inputs)]
    answers, failed = command.answer_all(command.read_array(json.dumps(items)), explain=False)
    assert failed == 0
    return answers


def error(content: Any, kind: str = "fit") -> str:
    """The one sentence that an input is refused with."""
    answer = asked(content, kind=kind)["0"]
    assert set(answer) == {"error"}
    text: str = answer["error"]
    assert "\n" not in text and "Traceback" not in text
    return text


def process(*arguments: str, given: str = "[]", **environment: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "manage.py", "calculate", *arguments],
        input=given,
        capture_output=True,
        text=True,
        cwd=ROOT,
        check=False,
        env=os.environ | environment,
    )


def said(*arguments: str) -> str:
    out = StringIO()
    call_command("calculate", *arguments, stdout=out)
    return out.getvalue()


def refusal(*arguments: str) -> str:
    with pytest.raises(CommandError) as refused:
        said(*arguments)
    text = str(refused.value)
    assert "\n" not in text
    return text


# An array on stdin


def test_every_kind_answers() -> None:
    kinds = {each["kind"] for each in EXAMPLES} | {"paycheck", "state"}
    more = {
        "paycheck": PAYCHECK,
        "state": {"tax_year": 2026, "pay_frequency": "weekly", "state": "TX", "taxable_wages": "1"},
        "true_up": {
            **{"tax_year": 2026, "annual_comp": "100000", "annual_deferrals": "6000"},
            **{"ytd_match": "2000", "formula": "half_of_6"},
        },
        "paydays": {"year": 2026, "pay_frequency": "biweekly", "first_payday": "2026-01-02"},
        "semiweekly_deposit": {"payday": "2026-11-20"},
    }
    given = {each["kind"]: each["input"] for each in EXAMPLES} | more
    assert given.keys() == KINDS.keys() >= kinds
    items = [{"id": kind, "kind": kind, "input": content} for kind, content in given.items()]
    answers, failed = command.answer_all(items, explain=True)
    assert failed == 0
    for kind, answer in answers.items():
        assert "error" not in answer, (kind, answer)
        assert answer["working"][0]["rule"], kind
    assert answers["true_up"]["true_up"] == "1000.00"  # half of 6,000 is 3,000, and 2,000 was paid
    assert answers["paydays"]["paydays_in_year"] == 26
    assert answers["semiweekly_deposit"]["due"] == "2026-11-25"  # Friday: due the following Wednesday
    assert answers["state"]["withholding"] == "0.00"
    json.dumps(answers)


def test_one_bad_input_spoils_no_other() -> None:
    answers = asked(FIT, FIT | {"taxable_wages": "-1"}, None, FIT)
    assert answers["0"]["withholding"] == answers["3"]["withholding"] == "169.49"
    assert answers["1"] == {"error": "taxable_wages of -1 is below zero"}
    assert answers["2"] == {"error": "input is an object of fields"}


@pytest.mark.parametrize(
    ("change", "told"),
    [
        ({"taxable_wages": None}, "taxable_wages is a decimal number like 1234.50"),
        ({"tax_yaer": 2026}, "input has unknown fields: tax_yaer"),
        ({"taxable_wages": True}, "taxable_wages is a decimal number like 1234.50"),
        ({"taxable_wages": ["1"]}, "taxable_wages is a decimal number like 1234.50"),
        ({"taxable_wages": "1,000.00"}, "taxable_wages is a decimal number like 1234.50"),
        ({"taxable_wages": "1e3"}, "taxable_wages is a decimal number like 1234.50"),
        ({"taxable_wages": " 1"}, "taxable_wages is a decimal number like 1234.50"),
        ({"taxable_wages": "NaN"}, "taxable_wages is a decimal number like 1234.50"),
        ({"taxable_wages": float("nan")}, "taxable_wages is a decimal number like 1234.50"),
        ({"taxable_wages": float("inf")}, "taxable_wages is a decimal number like 1234.50"),
        ({"taxable_wages": "1" * 16}, "taxable_wages is a decimal number like 1234.50"),
        ({"taxable_wages": 10**30}, "taxable_wages is a decimal number like 1234.50"),
        ({"taxable_wages": "0.005"}, "taxable_wages: 0.005 holds a fraction of a cent: give it exactly"),
        ({"taxable_wages": "-0.01"}, "taxable_wages of -0.01 is below zero"),
        ({"tax_year": "2026"}, "tax_year is a whole number of 0 or more"),
        ({"tax_year": 2026.0}, "tax_year is a whole number of 0 or more"),
        ({"tax_year": -1}, "tax_year is a whole number of 0 or more"),
        ({"tax_year": 10**9}, "tax_year is a whole number of 0 or more"),
        ({"nonresident_alien": None}, "nonresident_alien is null: give it, or leave it out"),
        ({"w4": {"filing_status": "single"}}, "w4 lacks version"),
        ({"w4": FIT["w4"] | {"step5": "1"}}, "w4 has unknown fields: step5"),  # type: ignore[operator]
        ({"w4": FIT["w4"] | {"exempt": 1}}, "exempt is true or false"),  # type: ignore[operator]
        ({"w4": FIT["w4"] | {"exempt": "false"}}, "exempt is true or false"),  # type: ignore[operator]
        (
            {"pay_frequency": "fortnightly"},
            "pay_frequency is 'fortnightly': use one of weekly, biweekly, semimonthly, monthly, quarterly, "
            "semiannual, annual, daily",
        ),
    ],
)
def test_bad_fields_give_one_sentence(change: dict[str, Any], told: str) -> None:
    assert error(FIT | change) == told


def test_a_field_that_is_left_out_is_named() -> None:
    for name in FIT:
        assert error({key: value for key, value in FIT.items() if key != name}) == f"input lacks {name}"


def test_a_year_without_rules_is_told() -> None:
    assert "1999" in error(FIT | {"tax_year": 1999})


@pytest.mark.parametrize("zero", ["0", "0.00", "-0.00"])
def test_zero_is_an_amount(zero: str) -> None:
    assert asked(FIT | {"taxable_wages": zero})["0"]["withholding"] == "0.00"


def test_no_amount_is_below_zero_and_no_fraction_over_one() -> None:
    futa = {"tax_year": 2026, "futa_wages": "100"}
    assert error(futa | {"ytd_futa_wages": "-1.00"}, "futa") == "ytd_futa_wages of -1.00 is below zero"
    assert error(futa | {"credit_reduction": "-0.012"}, "futa") == "credit_reduction of -0.012 is below zero"
    over = "credit_reduction is a fraction between 0 and 1 such as 0.012"
    assert error(futa | {"credit_reduction": "1.000001"}, "futa") == over
    assert asked(futa | {"credit_reduction": "1"}, kind="futa")["0"]["futa_tax"] == "100.60"  # 0.6 % + 100 %


def test_a_word_that_is_too_long_is_not_told_whole() -> None:
    assert f"'{'x' * 40}': use" in error(FIT | {"pay_frequency": "x" * 100_000})


def test_numbers_are_read_as_they_are_written() -> None:
    """2.675 is no binary fraction; read as one it would be 2.67499999… and round down."""
    text = '[{"id": "a", "kind": "overtime", "input": {"workweeks": [{"lines": [{"hours": 1, "rate": 2.675}]}]}}]'
    answers, _ = command.answer_all(command.read_array(text), explain=False)
    assert answers["a"]["gross"] == "2.68"
    assert command.parsed("0.1") == Decimal("0.1")
    assert asked(FIT | {"taxable_wages": 2111.12})["0"]["withholding"] == "169.49"
    assert asked(FIT | {"taxable_wages": 2111})["0"].keys() == asked(FIT)["0"].keys()


def test_an_endless_number_spoils_no_other() -> None:
    text = (
        f'[{{"id": "a", "kind": "fit", "input": {{"tax_year": {"9" * 5000}}}}}, {{"id": "b", "kind": "x"}}]'
    )
    answers, failed = command.answer_all(command.read_array(text), explain=False)
    assert (
        answers["a"] == {"error": "tax_year is a whole number of 0 or more"}
        or "lacks" in answers["a"]["error"]
    )
    assert (failed, len(answers)) == (0, 2)


def test_a_field_that_is_given_twice_is_refused() -> None:
    text = json.dumps([{"id": "a", "kind": "fit", "input": FIT}]).replace(
        '"tax_year"', '"tax_year": 2025, "tax_year"'
    )
    answers, _ = command.answer_all(command.read_array(text), explain=False)
    assert answers["a"] == {"error": "input has unknown fields: tax_year (given twice)"}


def test_ids() -> None:
    items = [{"id": "a", "kind": "fit", "input": FIT}, {"kind": "fit", "input": FIT}, "x", {"id": "a"}]
    items += [{"id": True, "kind": "fit", "input": FIT}, {"id": 7, "kind": "fit", "input": FIT}, {"id": None}]
    answers, _ = command.answer_all(items, explain=False)
    assert answers["a"] == {"error": "the id a is given more than once"}
    for name in ("#1", "#2", "#4", "#6"):
        assert answers[name] == {"error": 'each item is {"id", "kind", "input"}'}
    assert answers["7"]["withholding"] == "169.49"
    assert len(answers) == 6


@pytest.mark.parametrize("kind", ["nonsense", None, 3, ["fit"], ""])
def test_an_unknown_kind_names_those_there_are(kind: Any) -> None:
    text = error(FIT, kind)
    assert text.startswith(f"kind {kind!r} is unknown: use one of fit, fit_supplemental, fica")


@pytest.mark.parametrize(
    ("given", "told"),
    [
        ("", "stdin is not JSON: "),
        ("{", "stdin is not JSON: "),
        ("[" * 100_000, "stdin is not JSON: "),
        ("{}", 'stdin is a JSON array of {"id", "kind", "input"}'),
        ('"x"', 'stdin is a JSON array of {"id", "kind", "input"}'),
    ],
)
def test_what_is_no_array_is_refused(given: str, told: str) -> None:
    with pytest.raises(CommandError, match="stdin") as refused:
        command.read_array(given)
    assert str(refused.value).startswith(told)


def test_a_fault_of_this_program_is_told_as_one(monkeypatch: pytest.MonkeyPatch) -> None:
    def broken(_: Any) -> Any:
        raise KeyError("secret")

    monkeypatch.setitem(KINDS, "fit", broken)
    items = [{"id": "a", "kind": "fit", "input": {}}, {"id": "b", "kind": "x", "input": {}}]
    answers, failed = command.answer_all(items, explain=False)
    assert (answers["a"], failed) == ({"error": "this program failed: KeyError"}, 1)


# As a process


def test_no_database_is_needed_or_started(tmp_path: Path) -> None:
    state = tmp_path / "state"
    environment = {"PAYROLL_STATE_DIR": str(state), "DATABASE_URL": "postgresql://nobody@127.0.0.1:1/none"}
    given = json.dumps([{"id": "a", "kind": "fit", "input": FIT}, {"id": "b", "kind": "fit", "input": {}}])
    done = process(given=given, **environment)
    assert (done.returncode, done.stderr) == (0, "")
    assert json.loads(done.stdout) == {
        "a": {"withholding": "169.49", "adjusted_annual_wage": "46289.12", "tentative_annual": "4406.6944"},
        "b": {"error": "input lacks taxable_wages"},
    }
    del environment["DATABASE_URL"]
    without = {name: value for name, value in os.environ.items() if not name.startswith("DATABASE_")}
    done = subprocess.run(
        [sys.executable, "manage.py", "calculate", "--gross", "100"],
        capture_output=True,
        text=True,
        cwd=ROOT,
        check=False,
        env=without | environment,
    )
    assert done.returncode == 0 and "Net pay" in done.stdout
    assert not state.exists() or not list(state.rglob("PG_VERSION"))


def test_an_empty_array_answers_nothing() -> None:
    done = process(given="[]")
    assert (done.returncode, done.stdout.strip(), done.stderr) == (0, "{}", "")


@pytest.mark.parametrize("given", ["", "{}", "nonsense"])
def test_no_array_ends_with_one_sentence(given: str) -> None:
    done = process(given=given)
    assert (done.returncode, done.stdout, done.stderr.count("\n")) == (1, "", 1)
    assert "stdin" in done.stderr


# One paycheck


FLAGS = ("--gross", "2600", "--section125", "95", "--state", "IL", "--post-tax", "12.50")


def test_a_clerk_reads_gross_to_net() -> None:
    """Medicare 2,505 x 1.45 % = 36.32; Social Security 155.31; Illinois 4.95 % = 124.00; FUTA 0.6 % = 15.03."""
    shown = said(*FLAGS)
    assert [line.split("  ")[0] for line in shown.splitlines() if line and line[0] != " "] == [
        *("Gross pay", "Taxes", "Disposable earnings", "Deductions", "Net pay", "Wages that are taxed for"),
        "Paid by the employer, not taken from pay",
    ]
    amounts = [" ".join(line.split()) for line in shown.splitlines()]
    assert amounts[:11] == [
        "Gross pay 2600.00",
        "Taxes",
        f"federal income tax -{TAX}",
        "Social Security tax -155.31",
        "Medicare tax -36.32",
        "state income tax -124.00",
        "Disposable earnings 2067.62",
        "Deductions",
        "Section 125 -95.00",
        "deductions after tax -12.50",
        "Net pay 1960.12",
    ]
    assert "federal unemployment tax (FUTA) 15.03" in amounts
    assert len({len(line) for line in shown.splitlines() if line.endswith(tuple("0123456789"))}) == 1


def test_what_a_state_takes_beside_is_named() -> None:
    shown = said("--gross", "2600", "--state", "CA", "--roth-401k", "100", "--hsa-cafeteria", "50")
    assert "CA SDI" in shown and "state programmes" in shown
    assert "  Roth 401(k)  " in shown and "  HSA  " in shown
    assert "no state tax" not in shown


def test_without_a_state_it_says_so() -> None:
    shown = said("--gross", "2600")
    assert shown.rstrip().endswith("no state tax: name the work state with --state")
    assert "state income tax" not in shown


def test_a_reimbursement_is_no_wages(tmp_path: Path) -> None:
    file = tmp_path / "one.json"
    file.write_text(json.dumps(PAYCHECK | {"reimbursement": "42.10"}))
    shown = said("--file", str(file))
    assert "Reimbursement, which is no wages                       42.10" in shown
    assert "2002.22" in shown  # 1,960.12 + 42.10


def test_flags_and_file_agree(tmp_path: Path) -> None:
    file = tmp_path / "one.json"
    for content in (PAYCHECK, {"id": "x", "kind": "paycheck", "input": PAYCHECK}):
        file.write_text(json.dumps(content))
        assert said("--file", str(file)) == said(*FLAGS)


def test_explain_shows_every_line_with_its_source() -> None:
    shown = said(*FLAGS, "--explain")
    assert shown.startswith(said(*FLAGS).rstrip())
    assert "1. Net pay\n" in shown
    assert "   = line 1i: adjusted annual wage amount" in shown
    assert "   ~ fica: SSA contribution and benefit base 2026" in shown
    assert max(map(len, shown.splitlines())) <= 110


def test_every_entry_of_an_answer_says_what_it_is() -> None:
    items = [{"id": each["id"], "kind": each["kind"], "input": each["input"]} for each in EXAMPLES]
    answers, _ = command.answer_all(items, explain=True)
    for answer in answers.values():
        for sheet in answer["working"]:
            for entry in sheet["inputs"]:
                assert entry["given_by_section"] or entry["from"]["where"], (sheet["rule"], entry)
                if entry["from"] and entry["from"]["kind"] == "rules":
                    assert entry["from"]["source"], (sheet["rule"], entry)


@pytest.mark.parametrize(
    ("flags", "told"),
    [
        (("--gross", "abc"), "gross is a decimal number like 1234.50"),
        (("--gross", "-5"), "gross of -5 is below zero"),
        (("--gross", "100", "--tax-year", "x"), "tax_year is a whole number of 0 or more"),
        (("--gross", "100", "--tax-year", "1999"), "1999"),
        (("--gross", "100", "--pay-date", "tomorrow"), "pay_date is a date like 2026-01-31"),
        (
            ("--gross", "100", "--state", "IL", "--allowances", "1.5"),
            "allowances is a whole number of 0 or more",
        ),
        (
            ("--gross", "100", "--filing-status", "sigle"),
            "filing_status is 'sigle': use one of single, mfs, mfj",
        ),
        (("--gross", "100", "--pay-frequency", "often"), "pay_frequency is 'often': use one of weekly"),
        (("--gross", "100", "--section125", "1", "x"), "section125 is a decimal number like 1234.50"),
        (("--gross", "100", "--state", "ZZ"), "ZZ"),
        (("--gross", "100", "--section125", "200"), "exceed the gross pay"),
    ],
)
def test_a_wrong_flag_gives_one_sentence(flags: tuple[str, ...], told: str) -> None:
    assert told in refusal(*flags)


def test_a_file_that_is_none_gives_one_sentence(tmp_path: Path) -> None:
    file = tmp_path / "one.json"
    assert "cannot be read as JSON" in refusal("--file", str(file))
    for content in ("{", "[]", "{}", '{"input": {}}', "3"):
        file.write_text(content)
        text = refusal("--file", str(file))
        assert "cannot be read as JSON" in text or "with the fields of a paycheck, gross among them" in text
    file.write_text(json.dumps(PAYCHECK | {"grosss": "1"}))
    assert refusal("--file", str(file)) == "input has unknown fields: grosss"
