"""`manage.py calculate`: single calculations, without a database.

    manage.py calculate < examples.json      [{"id", "kind", "input"}, …]  →  {id: {field: value}}
    manage.py calculate --gross 2600 --pay-frequency biweekly --filing-status single --section125 95
    manage.py calculate --file paycheck.json

A person's paycheck, by flags or from a file, is shown from gross to net; `--explain` shows the working as well.
"""

import json
import logging
import sys
import tomllib
from argparse import ArgumentParser
from decimal import Decimal
from functools import cache
from pathlib import Path
from typing import Any

from django.core.management.base import BaseCommand, CommandError

from events.failures import NeedsReview
from payroll import rules
from payroll.calculate import KINDS, Answer, BadInput, calculate
from payroll.calculate.page import gross_to_net
from payroll.explain import text
from payroll.explain.origins import nonresident_origin, rules_origin
from payroll.explain.sections import Asked, Origin, Section, sections

AS_GIVEN = Origin("given", "given, or follows from what is given")
DIGITS_MAX = 40  # no whole number of an input is longer
SENTENCE_MAX = 500
log = logging.getLogger(__name__)

W4_FLAGS = {"filing_status": "single", "step3": None, "step4a": None, "step4b": None, "step4c": None}
AMOUNTS = {
    "traditional_401k": "traditional 401(k) deferral",
    "roth_401k": "Roth 401(k) deferral",
    "hsa_cafeteria": "HSA through the cafeteria plan",
    "post_tax": "deductions after tax",
    "supplemental": "of the gross: bonus, commission, back pay",
    "ytd_ss_wages": "Social Security wages earlier in the year",
    "ytd_medicare_wages": "Medicare wages earlier in the year",
    "ytd_futa_wages": "federal unemployment wages earlier in the year",
    "ytd_supplemental": "supplemental wages earlier in the year",
}


class Command(BaseCommand):
    help = (
        "Calculate without a database. A JSON array of {id, kind, input} on stdin gives {id: {field: value}}; "
        f"kinds: {', '.join(KINDS)}. Or give one paycheck as flags, or as --file, and read it from gross to net."
    )
    requires_system_checks: list[str] = []

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument(
            "--file", type=Path, help="one paycheck's input as JSON, as the kind `paycheck` takes it"
        )
        parser.add_argument(
            "--explain", action="store_true", help="show the working: every rule, source and line"
        )
        parser.add_argument("--gross", metavar="DOLLARS", help="gross pay of one paycheck")
        parser.add_argument("--pay-frequency", default="biweekly", help="default: biweekly")
        parser.add_argument(
            "--tax-year", type=whole, default=rules.known_years()[-1], help="default: %(default)s"
        )
        parser.add_argument("--pay-date", metavar="DATE", help="where a state's rule changed within the year")
        parser.add_argument("--state", metavar="CODE", help="work state; without it no state tax is computed")
        parser.add_argument("--state-filing-status", metavar="STATUS", help="default: as on the Form W-4")
        parser.add_argument("--allowances", type=whole, metavar="N", help="on the state's form")
        parser.add_argument(
            "--section125", nargs="*", default=[], metavar="DOLLARS", help="premiums before tax"
        )
        parser.add_argument("--step2-checkbox", action="store_true", help="Form W-4 step 2(c)")
        parser.add_argument("--w4-exempt", action="store_true", help="Form W-4: exempt from withholding")
        for name in W4_FLAGS:
            parser.add_argument(f"--{name.replace('_', '-')}", help="Form W-4")
        for name, words in AMOUNTS.items():
            parser.add_argument(f"--{name.replace('_', '-')}", metavar="DOLLARS", help=words)

    def handle(self, *args: Any, file: Path | None, explain: bool, gross: str | None, **flags: Any) -> None:
        if file or gross is not None:
            given = read_file(file) if file else from_flags(gross, flags)
            self.stdout.write(one(given, explain=explain))
            return
        if sys.stdin.isatty():
            raise CommandError(
                "give --gross or --file, or a JSON array on stdin; see manage.py calculate --help"
            )
        answers, failed = answer_all(read_array(sys.stdin.read()), explain=explain)
        self.stdout.write(json.dumps(answers, indent=1))
        if failed:
            raise CommandError(f"{failed} calculations failed in this program itself: please report them")


def whole(text: str) -> int | str:
    """A whole number; what is none is left to be refused in a sentence, as every other field is."""
    return int(text) if text.isascii() and text.isdigit() and len(text) <= DIGITS_MAX else text


def one_line(sentence: str) -> str:
    """What was wrong, in one line that stays readable whatever was put in."""
    text = " ".join(sentence.split())
    return text if len(text) <= SENTENCE_MAX else f"{text[:SENTENCE_MAX]}…"


def read_array(content: str) -> list[Any]:
    """The array on stdin; numbers in it are read as they are written. Raises CommandError."""
    try:
        asked = parsed(content)
    except (ValueError, RecursionError) as fault:
        raise CommandError(f"stdin is not JSON: {fault}") from None
    if not isinstance(asked, list):
        raise CommandError('stdin is a JSON array of {"id", "kind", "input"}')
    return asked


def parsed(content: str) -> Any:
    """JSON with numbers as they are written; a key given twice stays to be refused by its reader."""
    return json.loads(
        content,
        parse_float=Decimal,
        parse_int=lambda digits: int(digits) if len(digits) <= DIGITS_MAX else Decimal(digits),
        object_pairs_hook=_once,
    )


def _once(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found: dict[str, Any] = {}
    for key, value in pairs:
        found[f"{key} (given twice)" if key in found else key] = value
    return found


def answer_all(asked: list[Any], *, explain: bool) -> tuple[dict[str, Any], int]:
    """Answer each by its id, and count those in which this program failed; one bad input spoils no other."""
    answers: dict[str, Any] = {}
    failed = 0
    for number, item in enumerate(asked):
        id_of = item.get("id") if isinstance(item, dict) else None
        known = isinstance(id_of, str | int) and not isinstance(id_of, bool)
        name = str(id_of) if known else f"#{number}"
        if name in answers:
            answers[name] = {"error": f"the id {name} is given more than once"}
            continue
        try:
            if not known:
                raise BadInput('each item is {"id", "kind", "input"}')
            answer = calculate(item.get("kind"), item.get("input"))
        except (BadInput, NeedsReview) as refused:
            answers[name] = {"error": one_line(str(refused))}
        except Exception as bug:
            failed += 1
            log.exception("calculation of kind %s failed", item.get("kind"))
            answers[name] = {"error": f"this program failed: {type(bug).__name__}"}
        else:
            made = working(answer, item["input"], list(answer.given_by.values())) if explain else []
            shown = {"working": [text.section_facts(section) for section in made]} if explain else {}
            answers[name] = answer.fields | shown
    return answers, failed


def working(answer: Answer, given: dict[str, Any], roots: list[str]) -> list[Section]:
    """The worksheets of an answer, from the roots down, with the source of every figure of the rule tables."""
    year = given.get("tax_year")
    tables = rules_tables(year if year in rules.known_years() else rules.known_years()[-1])

    def resolve(asked: Asked) -> Origin | None:
        if asked.name == "nonresident_cents":
            return nonresident_origin(given.get("nonresident_alien"), tables)
        return None if asked.linked else rules_origin(asked, tables) or AS_GIVEN

    return sections([(each, "") for each in answer.workings], roots, resolve)


@cache
def rules_tables(year: int) -> dict[str, Any]:
    """The rule tables of a year as they are written, with their sources."""
    return tomllib.loads(rules.text_of(year).decode())


def one(given: dict[str, Any], *, explain: bool) -> str:
    """One paycheck, from gross to net, for people. Raises CommandError."""
    try:
        answer = calculate("paycheck", given)
    except (BadInput, NeedsReview) as refused:
        raise CommandError(str(refused)) from None
    lines = list(gross_to_net(answer))
    if not given.get("state"):
        lines.append("no state tax: name the work state with --state")
    if explain:
        lines += ["", text.text_of(working(answer, given, ["net_cents"]))]
    return "\n".join(lines)


def read_file(path: Path) -> dict[str, Any]:
    """A paycheck's input; also a whole {"id", "kind", "input"} of the kind paycheck. Raises CommandError."""
    try:
        found = parsed(path.read_text())
    except (OSError, ValueError, RecursionError) as fault:
        raise CommandError(f"{path} cannot be read as JSON: {fault}") from None
    if isinstance(found, dict) and isinstance(found.get("input"), dict):
        found = found["input"]
    if not isinstance(found, dict) or "gross" not in found:
        raise CommandError(f"{path} is a JSON object with the fields of a paycheck, gross among them")
    return found


def from_flags(gross: str | None, flags: dict[str, Any]) -> dict[str, Any]:
    """The input that the flags say."""
    w4 = {name: flags[name] or default for name, default in W4_FLAGS.items() if flags[name] or default}
    form = {"version": "2020+", "step2_checkbox": flags["step2_checkbox"], **w4}
    given = {
        "tax_year": flags["tax_year"],
        "pay_frequency": flags["pay_frequency"],
        "gross": gross,
        "w4": form | ({"exempt": True} if flags["w4_exempt"] else {}),
        "section125": flags["section125"],
    }
    optional = (*AMOUNTS, "pay_date", "state", "state_filing_status", "allowances")
    return given | {name: flags[name] for name in optional if flags[name] is not None}
