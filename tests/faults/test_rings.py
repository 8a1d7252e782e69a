"""The broker loses, doubles and forges its messages. They only ring: what is due stands in our own table."""

from . import payday, roster
from .conftest import NewPayday
from .payday import START

LOSE = "delete from django_q_ormq"
DOUBLE = """
insert into django_q_ormq (key, payload, lock)
select key, payload, now() - interval '1 day' from django_q_ormq, generate_series(1, 20)
"""
FORGE = """
insert into django_q_ormq (key, payload, lock)
values ('payroll', 'forged:by:nobody', now() - interval '1 day')
"""


def test_rings_are_lost_doubled_and_forged(new_payday: NewPayday, owed: roster.Owed) -> None:
    day = new_payday(pace=0.02)
    assert day.manage(*START).wait(payday.LIMIT_S) == 0
    assert day.query("select 1 from django_q_ormq"), "opening the run did not ring"
    day.query(LOSE)
    run = day.start()
    day.until_computing()
    day.query(LOSE)
    day.until(lambda: day.query("select 1 from django_q_ormq"), "the sweeper rings again", payday.RECOVERY_S)
    day.query(DOUBLE)
    day.query(FORGE)
    day.pace(0.005)
    assert day.finish(run)["complete"]
    assert not day.query("select 1 from django_q_ormq where payload like 'forged%'"), (
        "the forged one is still there"
    )
    day.assert_paid_once(owed)
