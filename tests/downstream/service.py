"""The service behind both transports: takes tasks, computes them in a few threads, and answers as its manners are."""

import heapq
import http.client
import json
import queue
import secrets
import threading
import time
from collections import Counter
from collections.abc import Callable, Sequence
from itertools import count
from typing import Any, NamedTuple
from urllib.parse import urlsplit

from tests.downstream import computing
from tests.downstream.manners import Manners

Give = Callable[[str, str, dict[str, Any]], int]  # token, outcome, body: the status, as of HTTP
TRIES = 20
PAUSE_S = 0.25
OVERLOADED = {429, 500, 502, 503, 504}


class Asked(NamedTuple):
    """One task as it came."""

    step: str
    terms: dict[str, Any]
    task: str
    token: str
    given: dict[str, Any]


class Service:
    """Answers by `give`, which is made once for each thread; `said` counts outcome and status of every answer."""

    def __init__(self, manners: Manners, make_give: Callable[[], Give], threads: int = 4) -> None:
        self.manners = manners
        self.said: Counter[str] = Counter()
        self._make_give = make_give
        self._due: queue.SimpleQueue[tuple[Asked, str] | None] = queue.SimpleQueue()
        self._later: list[tuple[float, int, Asked, str]] = []
        self._order = count()
        self._wake = threading.Condition()
        self._stopped = False
        self._threads = [threading.Thread(target=self._work, daemon=True) for _ in range(threads)]
        self._threads.append(threading.Thread(target=self._clock, daemon=True))
        for thread in self._threads:
            thread.start()

    def take(self, tasks: Sequence[Asked]) -> None:
        """Take tasks; those that are early are answered before this returns."""
        give = None
        for asked in tasks:
            manner = self.manners.met(asked.task)
            if manner == "early":
                give = give or self._make_give()
                self._answer(give, asked, manner)
            elif manner == "silent":
                self._count("silent")
            elif delay_s := self.manners.late_s if manner == "late" else self.manners.slow_s:
                with self._wake:
                    heapq.heappush(
                        self._later, (time.monotonic() + delay_s, next(self._order), asked, manner)
                    )
                    self._wake.notify()
            else:
                self._due.put((asked, manner))

    def stop(self) -> None:
        """Answer what is due, then stop; what is due later is never answered."""
        with self._wake:
            self._stopped = True
            self._wake.notify()
        for _ in self._threads:
            self._due.put(None)
        for thread in self._threads:
            thread.join(10)

    def _clock(self) -> None:
        with self._wake:
            while not self._stopped:
                wait_s = self._later[0][0] - time.monotonic() if self._later else None
                if wait_s is None or wait_s > 0:
                    self._wake.wait(wait_s)
                else:
                    _, _, asked, manner = heapq.heappop(self._later)
                    self._due.put((asked, manner))

    def _work(self) -> None:
        give = self._make_give()
        while (due := self._due.get()) is not None:
            self._answer(give, *due)
        close = getattr(give, "close", None)
        if close:
            close()

    def _answer(self, give: Give, asked: Asked, manner: str) -> None:
        try:
            outcome, body = "success", {"output": computing.output(asked.step, asked.terms, asked.given)}
        except Exception as error:
            outcome, body = (
                "failure",
                {"error": f"cannot compute it: {type(error).__name__}", "retryable": False},
            )
        if manner == "malformed":
            self._say(give, asked.token, "success", {"output": {"tax": "a lot"}}, manner)
        elif manner == "unknown":
            self._say(give, secrets.token_urlsafe(32), outcome, body, manner)
        self._say(give, asked.token, outcome, body, "late" if manner == "late" else "answer")
        if manner == "double":
            self._say(give, asked.token, outcome, body, manner)
        elif manner == "other":
            self._say(give, asked.token, "failure", {"error": "after all not", "retryable": False}, manner)

    def _say(self, give: Give, token: str, outcome: str, body: dict[str, Any], what: str) -> None:
        for _ in range(TRIES):
            status = give(token, outcome, body)
            if status not in OVERLOADED:
                break
            time.sleep(PAUSE_S)
        self._count(f"{what} {status}")

    def _count(self, what: str) -> None:
        with self._wake:
            self.said[what] += 1


class Api:
    """Answers through the API over one connection that is kept."""

    def __init__(self, url: str) -> None:
        parts = urlsplit(url)
        assert parts.scheme == "http" and parts.hostname
        self._connection = http.client.HTTPConnection(parts.hostname, parts.port, timeout=30)

    def __call__(self, token: str, outcome: str, body: dict[str, Any]) -> int:
        headers = {"Content-Type": "application/json", "Task-Token": token}
        try:
            path = f"/api/v1/task-tokens/{outcome}"
            self._connection.request("POST", path, json.dumps(body).encode(), headers)
            response = self._connection.getresponse()
            response.read()
            return response.status
        except (OSError, http.client.HTTPException):
            self._connection.close()
            return 503

    def close(self) -> None:
        self._connection.close()
