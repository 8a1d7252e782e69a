"""The API's own tables: who may call, and what keeps a call from counting twice or too often.

Each is written by one module: api/keys.py, api/auth.py, api/idempotency.py, api/rate.py.
"""

from django.db import models


class ApiKey(models.Model):
    """A program that may call the API, within its scopes."""

    id = models.TextField(primary_key=True, editable=False, help_text="Public; it stands in every request.")
    name = models.TextField(unique=True, help_text="What the log calls it: api:<name>.")
    scopes = models.JSONField(help_text="What it may do; nothing else.")
    secret = models.TextField(editable=False, help_text="Encrypted, because a signature needs it again.")
    created_at = models.DateTimeField()
    expires_at = models.DateTimeField(null=True)
    revoked_at = models.DateTimeField(null=True)
    revoked_by = models.TextField(default="", blank=True)
    last_used_at = models.DateTimeField(null=True, help_text="To the minute.")

    class Meta:
        verbose_name = "API key"
        ordering = ["name"]
        permissions = [("revoke_apikey", "Can revoke an API key")]

    def __str__(self) -> str:
        return self.name


class ApiNonce(models.Model):
    """A request that was taken: the same one does not come in twice."""

    id = models.BigAutoField(primary_key=True)
    key = models.TextField()
    nonce = models.TextField()
    taken_at = models.DateTimeField()

    class Meta:
        constraints = [models.UniqueConstraint("key", "nonce", name="each_nonce_once")]
        indexes = [models.Index("taken_at", name="nonces_by_age")]

    def __str__(self) -> str:
        return f"{self.key} {self.nonce}"


class ApiReply(models.Model):
    """What was answered under an Idempotency-Key, or that the answer is still being made."""

    id = models.BigAutoField(primary_key=True)
    key = models.TextField(help_text="The API key that asked.")
    idempotency_key = models.TextField()
    request_sha256 = models.TextField(help_text="Of method, path, query and body.")
    begun_at = models.DateTimeField()
    status = models.IntegerField(null=True, help_text="Empty while it is being done.")
    content_type = models.TextField(default="")
    location = models.TextField(default="")
    body = models.TextField(default="")

    class Meta:
        verbose_name_plural = "API replies"
        constraints = [models.UniqueConstraint("key", "idempotency_key", name="each_idempotency_key_once")]
        indexes = [models.Index("begun_at", name="replies_by_age")]

    def __str__(self) -> str:
        return f"{self.key} {self.idempotency_key}: {self.status or 'in progress'}"


class ApiCount(models.Model):
    """How often somebody called within one minute."""

    id = models.BigAutoField(primary_key=True)
    subject = models.TextField(help_text="A key, or an address that asked for unknown tokens.")
    minute = models.BigIntegerField(help_text="Minutes since 1970.")
    calls = models.IntegerField()

    class Meta:
        constraints = [models.UniqueConstraint("subject", "minute", name="one_count_a_minute")]
        indexes = [models.Index("minute", name="counts_by_age")]

    def __str__(self) -> str:
        return f"{self.subject}: {self.calls}"
