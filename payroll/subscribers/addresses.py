"""How PAYROLL_SUBSCRIBERS is read. Settings ask this at the start: what is misspelt is not found on payday."""

import hashlib
import re
from collections.abc import Iterator
from dataclasses import dataclass
from fnmatch import fnmatchcase
from urllib.parse import urlsplit

from payroll.topics import TOPICS

TOPIC_ARN = re.compile(r"arn:[a-z0-9-]+:sns:[a-z0-9-]+:\d{12}:[A-Za-z0-9_-]{1,251}(\.fifo)?\Z")
QUEUE = re.compile(r"[A-Za-z0-9_-]{1,75}(\.fifo)?\Z|https?://[^\s#]+/\d{12}/[A-Za-z0-9_-]{1,75}(\.fifo)?\Z")
MAILBOX = re.compile(r"[A-Za-z0-9._%+-]+@[A-Za-z0-9-]+(\.[A-Za-z0-9-]+)*\Z")
SAYS = "it is one of console, sns:<topic ARN>, sqs:<queue>, https://<webhook>, mailto:<address>"


@dataclass(frozen=True, slots=True)
class Address:
    """One subscriber.

    kind    console, sns, sqs, webhook or mail
    target  the ARN, queue, URL or mailbox
    wants   patterns of topics; none means every topic
    name    what deliveries, logs and screens call it: of a webhook its host and a hash, because its path may be a
            secret; of a mailbox a hash alone, because it is somebody's
    """

    kind: str
    target: str
    wants: tuple[str, ...]
    name: str

    def takes(self, topic: str) -> bool:
        """Whether it wants to be told of this."""
        return not self.wants or any(fnmatchcase(topic, pattern) for pattern in self.wants)


def parse(text: str, *, signed: bool, production: bool) -> tuple[Address, ...]:
    """The subscribers that a setting lists.

    signed      whether there is a secret to sign webhooks with
    production  whether plain http is refused
    raises      ValueError, naming what is wrong with which of them by its place; never a webhook's path
    """
    found = [
        _address(each.strip(), place, signed, production) for place, each in enumerate(text.split(","), 1)
    ]
    names = [address.name for address in found]
    if twice := sorted({name for name in names if names.count(name) > 1}):
        raise ValueError(f"PAYROLL_SUBSCRIBERS names {', '.join(twice)} twice: join its topics with +")
    return tuple(found)


def _address(text: str, place: int, signed: bool, production: bool) -> Address:
    target, hashed, wanted = text.partition("#")
    kind, target = _kind(target)
    wants = tuple(wanted.split("+")) if hashed else ()
    for why in (*_wrong(kind, target, signed, production), *_misspelt(wants)):
        raise ValueError(f"PAYROLL_SUBSCRIBERS, subscriber {place}: {why}")
    return Address(kind, target, wants, _name(kind, target))


def _kind(target: str) -> tuple[str, str]:
    scheme, _, rest = target.partition(":")
    match scheme:
        case "sns" | "sqs":
            return scheme, rest
        case "mailto":
            return "mail", rest
        case "http" | "https":
            return "webhook", target
    return ("console", "") if target == "console" else ("", target)


def _wrong(kind: str, target: str, signed: bool, production: bool) -> Iterator[str]:
    """What keeps this from being a subscriber."""
    if not kind:
        yield SAYS
    elif kind == "sns" and not TOPIC_ARN.match(target):
        yield "sns: wants the ARN of a topic, arn:aws:sns:<region>:<account>:<topic>"
    elif kind == "sqs" and not QUEUE.match(target):
        yield "sqs: wants the name or the URL of a queue"
    elif kind == "mail" and not MAILBOX.match(target):
        yield "mailto: wants one address, mailto:someone@example.com"
    elif kind == "webhook":
        try:
            parts = urlsplit(target)
            host, _ = parts.hostname, parts.port
        except ValueError:
            host = None
        if not host or not target.isascii() or not target.isprintable() or " " in target:
            yield "this is no address of a webhook"
        elif parts.username is not None:
            yield "a webhook's address carries no user or password: it is signed with PAYROLL_WEBHOOK_SECRET"
        elif production and parts.scheme != "https":
            yield "production calls no webhook over plain http"
        elif not signed:
            yield "a webhook needs PAYROLL_WEBHOOK_SECRET, so that its receiver can tell us from others"


def _misspelt(wants: tuple[str, ...]) -> Iterator[str]:
    for pattern in wants:
        if not any(fnmatchcase(topic, pattern) for topic in TOPICS):
            yield f"there is no topic {pattern!r}; there are {', '.join(sorted(TOPICS))}"


def _name(kind: str, target: str) -> str:
    hashed = hashlib.sha256(target.encode()).hexdigest()[:8]
    match kind:
        case "console":
            return kind
        case "mail":
            return f"mailto:#{hashed}"
        case "webhook":
            parts = urlsplit(target)
            return f"{parts.scheme}://{parts.netloc}#{hashed}"
    return f"{kind}:{target}"
