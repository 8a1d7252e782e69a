"""One stream as its facts by event type: what a task of the saga decides from."""

from typing import Any

from events import store
from events.store import NewEvent

APPROVAL = {"EmployerRunApproved", "EmployerRunApprovalVoided"}


class History:
    """The facts of a stream, and where the next event goes."""

    def __init__(self, stream: str) -> None:
        self.stream = stream
        self.events = store.read(stream)
        self.facts: dict[str, dict[str, Any]] = {event.type: event.data for event in self.events}
        self.version = len(self.events)
        self.corrections = [event.data for event in self.events if event.type == "InputsCorrected"]

    @property
    def approval(self) -> dict[str, Any] | None:
        """The facts of the approval that stands, of an employer's run; None when there is none, or it is void."""
        turns = [event for event in self.events if event.type in APPROVAL]
        return turns[-1].data if turns and turns[-1].type == "EmployerRunApproved" else None

    @property
    def manifests(self) -> list[dict[str, Any]]:
        """Every manifest of an employer's run: as it began, and where inputs were corrected since."""
        return [
            *self.facts["EmployerRunBegan"]["manifests"],
            *(data["manifest"] for data in self.corrections),
        ]

    @property
    def manifest_hours_hundredths(self) -> int:
        """The hours that the manifests count, corrections included."""
        began = int(self.facts["EmployerRunBegan"]["manifest_hours_hundredths"])
        return began + sum(int(data["hours_hundredths"]) for data in self.corrections)

    def next(self, type: str, data: dict[str, Any]) -> NewEvent:
        """The event that would be appended now."""
        return NewEvent(self.stream, self.version + 1, type, data)
