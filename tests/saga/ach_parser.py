"""A second opinion on payment files: the format page, column by column, sharing nothing with the product."""

from typing import Any

CREDITS = {"22", "23", "32", "33"}
PRENOTES = {"23", "28", "33", "38"}


def cut(row: str, *columns: tuple[int, int]) -> list[str]:
    """Fields by their first and last column, both counted from 1, as the format page has them."""
    return [row[first - 1 : last] for first, last in columns]


def parse(content: bytes) -> list[dict[str, Any]]:
    """The batches of a file; asserts every count, sum, hash and trace of the page on the way."""
    rows = content.decode("ascii").split("\n")
    assert rows.pop() == "" and len(rows) % 10 == 0
    assert all(len(row) == 94 and row == row.upper() and row.isprintable() for row in rows)
    control = next(n for n in range(1, len(rows)) if rows[n][0] == "9" and rows[n] != "9" * 94)
    assert all(row == "9" * 94 for row in rows[control + 1 :])
    assert cut(rows[0], (1, 3), (35, 40)) == ["101", "094101"]
    batches: list[dict[str, Any]] = []
    traces: list[str] = []
    for row in rows[1:control]:
        if row[0] == "5":
            names = ("service", "sec", "description", "shown", "effective", "odfi", "number")
            places = ((2, 4), (51, 53), (54, 63), (64, 69), (70, 75), (80, 87), (88, 94))
            batches.append(
                dict(zip(names, cut(row, *places), strict=True)) | {"entries": [], "company": row[40:50]}
            )
        elif row[0] == "6":
            code, rdfi, account, cents, who, name, flag, trace = cut(
                row, (2, 3), (4, 12), (13, 29), (30, 39), (40, 54), (55, 76), (79, 79), (80, 94)
            )
            assert trace[:8] == batches[-1]["odfi"]
            batches[-1]["entries"].append(
                {
                    "code": code,
                    "routing": rdfi,
                    "account": account.rstrip(),
                    "cents": int(cents),
                    "who": who.rstrip(),
                }
                | {"name": name.rstrip(), "trace": trace, "addenda": None, "announced": flag == "1"}
            )
            traces.append(trace)
        elif row[0] == "7":
            entry = batches[-1]["entries"][-1]
            assert cut(row, (2, 3), (84, 87), (88, 94)) == ["05", "0001", entry["trace"][-7:]]
            assert entry["announced"] and entry["addenda"] is None
            entry["addenda"] = row[3:83].rstrip()
        else:
            assert row[0] == "8"
            of = batches[-1]
            assert cut(row, (2, 4), (45, 54), (80, 87), (88, 94)) == [
                of[name] for name in ("service", "company", "odfi", "number")
            ]
            of |= totals([of])
            stated = cut(row, (5, 10), (11, 20), (21, 32), (33, 44))
            assert [int(field) for field in stated] == [of[name] for name in COUNTED]
            assert row[54:79].strip() == ""
    assert [int(batch["number"]) for batch in batches] == list(range(1, len(batches) + 1))
    assert traces == sorted(set(traces))
    whole = totals(batches)
    stated = cut(rows[control], (2, 7), (8, 13), (14, 21), (22, 31), (32, 43), (44, 55))
    assert [int(field) for field in stated] == [
        len(batches),
        len(rows) // 10,
        *(whole[name] for name in COUNTED),
    ]
    return batches


COUNTED = ("count", "hash", "debits", "credits")


def totals(batches: list[dict[str, Any]]) -> dict[str, int]:
    entries = [entry for batch in batches for entry in batch["entries"]]
    assert all(entry["announced"] == (entry["addenda"] is not None) for entry in entries)
    return {
        "count": len(entries) + sum(entry["announced"] for entry in entries),
        "hash": sum(int(entry["routing"][:8]) for entry in entries) % 10**10,
        "debits": sum(entry["cents"] for entry in entries if entry["code"] not in CREDITS),
        "credits": sum(entry["cents"] for entry in entries if entry["code"] in CREDITS),
    }
