"""What the bank tells: webhooks that it signs, recorded once, as the same document in a file would be.

The bank tells at least once, and again until it is answered 2xx. The same delivery again is fine and changes nothing;
what cannot be recorded yet is refused with 409, and is recorded when the bank tells it again.
"""

from typing import Any

from django.http import HttpRequest
from ninja import Router

from ops.api.gate import BANK, operation
from ops.api.shapes import Told
from payroll.payments import came_back
from payroll.payments.imports import BY_BANK, import_file

router = Router(tags=["bank"])
KINDS = [came_back.ACKNOWLEDGEMENT, came_back.SETTLEMENT, came_back.LISTED_RETURN]
BODY: dict[str, Any] = {
    "description": "As the bank writes it: an acknowledgement, a settlement report, or what came back of a list.",
    "required": True,
    "content": {
        "application/json": {
            "schema": {
                "type": "object",
                "required": ["type"],
                "properties": {"type": {"type": "string", "enum": KINDS}},
            }
        }
    },
}


class Taken(Told):
    """It is on record; `new` is false when it was before."""

    new: bool
    matched: int
    unmatched: int


@operation(router, "POST", "/bank/webhooks", BANK, {200: Taken}, 409, documents={"requestBody": BODY})
def bank_webhook(request: HttpRequest) -> Taken:
    """Record what the bank tells. What fits nothing of ours is kept for a person to look at, and is 200 too."""
    name = f"webhook {request.headers['webhook-id']}"  # the gate has checked its form
    told = import_file(request.body, name=name, by=BY_BANK)
    return Taken(new=told.new, matched=told.matched, unmatched=told.unmatched)
