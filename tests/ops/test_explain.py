from pathlib import Path
import os
from django.core.management import call_command
from tests.ops import explained
from tests.saga import paydays

def test_dump(tmp_path, db):
    explained.load(tmp_path)
    paydays.open_run("ACME")
    paydays.work()
    for letter in paydays.letters(): print(letter.subject, letter.reason)
    for who in ("hal-il","hal-ca","sal-il","sal-ca","pip","alf"):
        for form in ("", "--json"):
            with open(f"/tmp/exp/{who}{form}.txt","w") as out:
                try: call_command("explain", f"ACME/{who}", *filter(None,[form]), stdout=out)
                except SystemExit as e: print(who, e)
