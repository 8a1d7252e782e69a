"""A past run computed again: bit for bit, with other rules, with other code; and what is said when it cannot be."""

import io
import json
import shutil
from pathlib import Path
from typing import Any
from uuid import UUID

import pytest
from django.conf import settings as configured
from django.core.management import CommandError, call_command

from deploy.postgres import Cluster
from events import dead_letters
from ops import proof
from payroll import corrections, keys, objects, replay, rulebook, rules, runs
from payroll.recompute import STEPS
from payroll.steps import PIPELINE
from tests.saga import paydays, rule_files
from tests.saga.paydays import employer, hourly, salaried, worked

pytestmark = pytest.mark.usefixtures("db", "by_file")

ROOT = Path(__file__).resolve().parents[2]
PENNSYLVANIA = 'excludes = ["section125"]\nrate_percent = 3.07'
CHANGED = PENNSYLVANIA.replace("3.07", "3.17")
# 78,000 / 26 = 3,000.00: 0.1 % more of it for Pennsylvania is 3.00
MORE_CENTS = 300


@pytest.fixture
def by_file(settings: Any) -> None:
    """Payment files are laid down for the bank to fetch; no process is started."""
    settings.PAYROLL_GATEWAY = "ach"


@pytest.fixture
def run(tmp_path: Path, by_file: None) -> UUID:
    """A paid run of two employers."""
    paydays.load(
        tmp_path,
        [employer("ACME"), employer("BOLT")],
        [
            salaried("ACME", "ann", "62400.00"),
            salaried("ACME", "pam", "78000.00", work_state="PA"),
            salaried("ACME", "pat", "78000.00", work_state="PA"),
            hourly("BOLT", "tex", "20.00"),
        ],
        worked("BOLT", "tex", dict.fromkeys(range(2, 7), "9.00")),
    )
    return paydays.pay()


def command(*arguments: object, **options: Any) -> tuple[int, str]:
    """The exit code of `manage.py replay`, and what it printed."""
    out = io.StringIO()
    try:
        call_command("replay", *map(str, arguments), stdout=out, **options)
    except SystemExit as ended:
        return int(ended.code or 0), out.getvalue()
    return 0, out.getvalue()


def refused(*arguments: object) -> str:
    """The sentence with which `manage.py replay` refuses: one line, as it is printed without a traceback."""
    with pytest.raises(CommandError) as said:
        command(*arguments)
    assert said.value.returncode == 1
    assert "\n" not in str(said.value) and "Traceback" not in str(said.value)
    return str(said.value)


def tables_with(folder: Path, old: str, new: str) -> Path:
    """This program's tables of 2026 in one file, with one figure changed."""
    text = rules.text_of(2026).decode()
    assert text.count(old) == 1
    path = folder / "changed.toml"
    path.write_text(text.replace(old, new))
    return path


def program_with(folder: Path, file: str, old: str, new: str) -> Path:
    """A copy of this program, with one line of it changed."""
    copy = folder / "program"
    for package in ("events", "payroll"):
        shutil.copytree(ROOT / package, copy / package, ignore=shutil.ignore_patterns("__pycache__"))
    text = (copy / file).read_text()
    assert text.count(old) == 1
    (copy / file).write_text(text.replace(old, new))
    return copy


def object_path(name: str) -> Path:
    return Path(configured.PAYROLL_OBJECTS) / name


# The same


def test_a_live_run_comes_out_bit_for_bit(run: UUID) -> None:
    found = replay.replay(replay.recorded(str(run)))
    assert (found.paychecks, found.events, found.differences) == (4, 4 * len(PIPELINE), [])
    assert (found.code, found.rules) == (found.present_code, found.present_rules)
    assert (found.code, found.rules) == (runs.code_version(), rules.load(2026).version)
    code, out = command(run)
    assert code == 0 and "every event is the same, bit for bit" in out and "computed again by" not in out
    assert out.startswith("4 paychecks, 20 events, recorded by ")
    said = json.loads(command(str(run)[:8], "--json")[1])
    assert (said["same"], said["differences"], said["totals_cents"], said["run"]) == (True, [], {}, str(run))


def test_it_can_be_taken_elsewhere_and_replayed_there(run: UUID, tmp_path: Path) -> None:
    folder = tmp_path / "there"
    assert command(run, "--export", folder) == (
        0,
        f"4 paychecks written to {folder}: manage.py replay {folder}\n",
    )
    live, there = replay.recorded(str(run)), replay.exported(folder)
    assert there[:4] == live[:4]
    mine, theirs = ([batch.events for batch in each.batches] for each in (replay.recorded(str(run)), there))
    assert mine == theirs
    assert command(folder)[0] == 0
    text = "".join(path.read_text() for path in folder.glob("*.jsonl"))
    for secret in ("O'Brien", "Zo", "3470824921", "071000301", "Employer ACME", "120000001", "ciphertext"):
        assert secret not in text
    assert refused(run, "--export", folder) == f"{folder} is not empty: name a new folder"


def test_who_waits_who_was_left_out_and_who_was_corrected(tmp_path: Path) -> None:
    """Alabama has no tables, so that three people stand before their taxes."""
    people = [salaried("ACME", each, "62400.00", work_state="AL") for each in ("wait", "gone", "mend")]
    rows = paydays.load(tmp_path, [employer("ACME")], [*people, salaried("ACME", "ann", "62400.00")])
    run = paydays.pay()
    letters = {keys.employee_of(letter.subject): letter for letter in paydays.letters()}
    dead_letters.dismiss(letters["gone"].id, by="maker", reason="paid outside")
    paydays.mend(tmp_path, rows, "mend", work_state="TX")
    corrections.redrive_corrected(letters["mend"].id, by="maker")
    paydays.work()
    assert [keys.employee_of(letter.subject) for letter in paydays.letters()] == ["wait"]
    found = replay.replay(replay.recorded(str(run)))
    # Three steps of each of those who stopped, and all five of ann and of mend once more.
    assert (found.paychecks, found.events, found.differences) == (5, 3 * 3 + 2 * 5, [])
    assert command(run)[0] == 0


def test_tables_changed_on_disk_since_change_no_run_that_has_begun(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    people = [salaried("ACME", "ann", "62400.00"), salaried("ACME", "pam", "78000.00", work_state="PA")]
    paydays.load(tmp_path, [employer("ACME")], people)
    run = paydays.open_run()
    pinned = rules.load(2026).version
    rule_files.change(monkeypatch, tmp_path, PENNSYLVANIA, CHANGED)
    assert rules.load(2026).version != pinned
    paydays.work()
    paydays.approve(run)
    paydays.work()
    # 3.07 % and 0.07 % of 3,000.00, as on the day it was opened
    facts = paydays.facts("ACME", "pam")
    assert (facts["state_income_tax_cents"], facts["state_programmes_cents"]) == (9_210, 210)
    assert set(paydays.credits()) == {"ann", "pam"}
    assert [line.name for line in proof.prove(run) if not line.holds] == []
    found = replay.replay(replay.recorded(str(run)))
    assert (found.differences, found.rules, found.present_rules) == ([], pinned, pinned)
    # What the tables of today would have paid: ten cents in a hundred dollars more for Pennsylvania.
    code, out = command(run, "--rules", "present")
    assert (
        code == 1
        and "ACME pam TaxCalculated.state_income_tax_cents: 92.10 recorded, 95.10 computed, +3.00" in out
    )
    assert "ann" not in out
    # And back: the version that was kept is found by its name.
    assert command(run, "--rules", pinned)[0] == 0
    later = paydays.open_run(period=paydays.NEXT)
    assert runs.facts_of(later)["rules_version"] == rules.load(2026).version


# Otherwise


def test_other_rules_are_told_by_person_and_cent_and_added_up(run: UUID, tmp_path: Path) -> None:
    path = tables_with(tmp_path, PENNSYLVANIA, CHANGED)
    code, out = command(run, "--rules", path)
    assert code == 1
    for who in ("pam", "pat"):
        assert (
            f"ACME {who} TaxCalculated.state_income_tax_cents: 92.10 recorded, 95.10 computed, +3.00" in out
        )
        assert f"ACME {who} RetirementCalculated.net_cents: " in out
    assert "ann" not in out and "tex" not in out
    assert "facts of 2 paychecks differ" in out
    assert "together state income tax: +6.00" in out and "together net: -6.00" in out
    found = json.loads(command(run, "--rules", path, "--json")[1])
    assert found["same"] is False
    assert found["totals_cents"] == {
        "disposable_cents": -2 * MORE_CENTS,
        "employee_taxes_cents": 2 * MORE_CENTS,
        "net_cents": -2 * MORE_CENTS,
        "state_income_tax_cents": 2 * MORE_CENTS,
    }
    tax = [each for each in found["differences"] if each["fact"] == "state_income_tax_cents"]
    assert [(each["employer"], each["employee_id"], each["event"], each["cents"]) for each in tax] == [
        ("ACME", who, "TaxCalculated", MORE_CENTS) for who in ("pam", "pat")
    ]
    assert (tax[0]["recorded"], tax[0]["computed"]) == (9_210, 9_510)
    assert found["rules"] == rules.load(2026).version
    assert found["present_rules"] == rules.version_of(path.read_bytes(), 2026)
    assert f"computed again by {found['present_code']} with the rules {found['present_rules']}" in out


def test_rules_without_a_state_stop_a_paycheck_that_was_paid(run: UUID, tmp_path: Path) -> None:
    path = tables_with(tmp_path, '"TX", "WA", "WY"]', '"WA", "WY"]')
    out = command(run, "--rules", path)[1]
    for who in ("ACME ann TaxCalculated", "ACME ann RetirementCalculated", "BOLT tex TaxCalculated"):
        assert f"{who}: recorded, and not computed: " in out
    assert "TX" in out and "pam" not in out and "PayCalculated" not in out


def test_other_code_is_told_by_person_and_cent(run: UUID, tmp_path: Path) -> None:
    """A program that pays the premium for all hours beyond 40 at the whole rate: 5 h at 20.00 instead of 10.00."""
    folder = program_with(
        tmp_path,
        "payroll/steps.py",
        "overtime_premium_cents=period.premium_cents,\n        flsa_premium_cents=period.flsa_premium_cents,",
        "overtime_premium_cents=2 * period.premium_cents,\n        flsa_premium_cents=period.flsa_premium_cents,",
    )
    code, out = command(run, "--code", folder)
    assert code == 1
    assert "BOLT tex TimeEntered.overtime_premium_cents: 50.00 recorded, 100.00 computed, +50.00" in out
    assert "together gross: +50.00" in out and "ACME" not in out
    assert f"computed again by the code in {folder}" in out
    found = replay.replay(replay.recorded(str(run)), engine=replay.elsewhere(folder), present_code="other")
    assert {difference.employee_id for difference in found.differences} == {"tex"}
    assert (found.totals["overtime_premium_cents"], found.present_code) == (5_000, "other")


def test_the_same_code_elsewhere_gives_the_same(
    run: UUID, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder = program_with(tmp_path, "payroll/steps.py", "PIPELINE = (begin", "PIPELINE = (  begin")
    # Another program on the path is not asked in its place.
    monkeypatch.setenv("PYTHONPATH", str(tmp_path / "nowhere"))
    assert command(run, "--code", folder)[0] == 0
    shutil.rmtree(folder / "events")
    monkeypatch.setenv("PYTHONPATH", str(ROOT))
    assert "cannot recompute this run: ModuleNotFoundError: No module named 'events'" in refused(
        run, "--code", folder
    )


def test_a_fault_in_one_paycheck_is_told_and_stops_no_other(run: UUID, tmp_path: Path) -> None:
    folder = program_with(
        tmp_path,
        "payroll/steps.py",
        "    ytd = inputs.year_to_date\n    limits",
        "    ytd = inputs.year_to_date\n    1 // (inputs.employee_id != 'pam')\n    limits",
    )
    found = replay.replay(replay.recorded(str(run)), engine=replay.elsewhere(folder))
    (difference,) = found.differences
    assert difference[:2] == ("ACME", "pam")
    assert difference[3:] == (
        *("RetirementCalculated", "computed", True),
        "ZeroDivisionError: integer division or modulo by zero",
    )
    assert difference.cents is None and found.totals == {}


def test_a_cent_in_the_log_that_nobody_computed_is_found(run: UUID, db: Cluster) -> None:
    """Changed as the owner, with the triggers off: what no command can do."""
    stream = keys.paycheck_stream(paydays.employer_run("ACME"), "ann", 1)
    paydays.as_owner(db, "alter table events_event disable trigger user")
    paydays.as_owner(
        db,
        "update events_event set data = jsonb_set(data, '{net_cents}', '201226') "
        "where stream = %s and type = 'RetirementCalculated'",
        stream,
    )
    paydays.as_owner(db, "alter table events_event enable trigger user")
    found = replay.replay(replay.recorded(str(run)))
    (difference,) = found.differences
    assert difference == ("ACME", "ann", stream, "RetirementCalculated", "net_cents", 201_226, 201_225)
    assert (difference.cents, found.totals) == (-1, {"net_cents": -1})
    assert (
        "ACME ann RetirementCalculated.net_cents: 2012.26 recorded, 2012.25 computed, -0.01"
        in command(run)[1]
    )


def test_a_fact_that_is_new_or_gone_is_named(run: UUID, tmp_path: Path) -> None:
    folder = tmp_path / "there"
    command(run, "--export", folder)
    path = folder / "00002.jsonl"
    text = path.read_text()
    assert text.count('"double_time_hours_hundredths": 0') == 1
    path.write_text(text.replace('"double_time_hours_hundredths": 0', '"doubled": [0]'))
    found = replay.replay(replay.exported(folder))
    assert [difference[:2] + difference[3:] for difference in found.differences] == [
        ("BOLT", "tex", "TimeEntered", "double_time_hours_hundredths", "not recorded", 0),
        ("BOLT", "tex", "TimeEntered", "doubled", [0], "not computed"),
    ]
    assert {difference.cents for difference in found.differences} == {None}
    assert "TimeEntered.doubled: [0] recorded, not computed computed" in command(folder)[1]


# Refused


def test_a_run_that_is_not_there_is_refused(run: UUID) -> None:
    assert refused("ffffffff") == "there is no pay run 'ffffffff'; payrun list shows them"
    with pytest.raises(runs.Refused, match="there is no pay run"):
        replay.recorded(str(UUID(int=7)))


def test_a_manifest_that_is_damaged_or_gone_is_named(run: UUID) -> None:
    name = paydays.part("ACME")["EmployerRunBegan"]["manifests"][0]["object"]
    path = object_path(name)
    path.chmod(0o644)
    path.write_bytes(path.read_bytes().replace(b"62400", b"62500"))
    assert refused(run) == f"{name} does not have the sha256 that the log recorded"
    path.unlink()
    assert refused(run) == f"{name} is missing from object storage"


def test_tables_that_are_kept_nowhere_are_named(
    run: UUID, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """While this program still has them, the object is not missed."""
    version = rules.load(2026).version
    path = object_path(f"rules/{version}.toml")
    kept = path.read_bytes()
    path.unlink()
    assert command(run)[0] == 0
    rule_files.change(monkeypatch, tmp_path, PENNSYLVANIA, CHANGED)
    rulebook.tables.cache_clear()
    said = f"the run is pinned to the rule tables {version}, and rules/{version}.toml is"
    assert refused(run) == f"{said} missing from object storage: restore it, then redrive"
    path.write_bytes(kept.replace(b"3.07", b"3.08", 1))
    assert refused(run) == f"{said} damaged in object storage: restore it, then redrive"
    path.unlink()
    assert objects.put_once(f"rules/{version}.toml", kept)
    assert command(run)[0] == 0


@pytest.mark.parametrize(
    ("content", "words"),
    [
        (b"year = 2026\n[federal\n", "rules 2026: "),
        (b"year = 2025\n", "rules 2026: the file says year = 2025"),
        (b"year = 2026\n", "federal"),
        (b"\xff\xfe", "bad.toml is no TOML: "),
    ],
)
def test_tables_that_cannot_be_read_are_refused(
    run: UUID, tmp_path: Path, content: bytes, words: str
) -> None:
    path = tmp_path / "bad.toml"
    path.write_bytes(content)
    assert words in refused(run, "--rules", path)


@pytest.mark.parametrize(
    "named", ["yesterday", "2026", "2026-xyz", "/nowhere/rules.toml", "../2026-0123456789ab"]
)
def test_a_name_of_no_tables_is_refused(run: UUID, named: str) -> None:
    assert refused(run, "--rules", named) == (
        f"there are no rule tables {named!r}: name a version such as 2026-0123456789ab, a TOML file "
        "with all tables of the year, or present"
    )


def test_a_version_that_was_not_kept_is_refused(run: UUID) -> None:
    said = "no rule tables of the version 2026-0123456789ab were kept, or they are damaged"
    assert refused(run, "--rules", "2026-0123456789ab") == said


def test_a_folder_that_holds_no_run_or_no_program_is_refused(run: UUID, tmp_path: Path) -> None:
    empty = tmp_path / "empty"
    empty.mkdir()
    assert refused(empty).startswith(f"{empty} holds no exported run: ")
    for folder in (empty, tmp_path / "nowhere"):
        said = f"{folder} holds no version of this program: name the folder that manage.py is in"
        assert refused(run, "--code", folder) == said


@pytest.mark.parametrize(
    ("file", "content"),
    [
        ("run.json", "{"),
        ("run.json", "[]"),
        ("run.json", '{"run": "x", "code": "y", "year": 2026}'),
        ("run.json", '{"run": "x", "code": "y", "year": "z", "batches": 2, "paychecks": 4, "events": 20}'),
        ("00001.jsonl", ""),
        ("00001.jsonl", "{"),
        ("00001.jsonl", '{"name": "x", "manifest": {}}\n[]'),
    ],
)
def test_an_export_that_is_damaged_is_refused(run: UUID, tmp_path: Path, file: str, content: str) -> None:
    folder = tmp_path / "there"
    command(run, "--export", folder)
    (folder / file).write_text(content)
    said = refused(folder)
    assert f"{folder} holds no exported run: " in said or f"{folder / file} is damaged: " in said


def test_steps_are_those_of_the_saga() -> None:
    first = ("PaycheckBegan", "TimeEntered", "PayCalculated", "TaxCalculated")
    assert (*first, "RetirementCalculated") == STEPS
