from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [("events", "0003_limits")]
    operations = [
        migrations.CreateModel(
            name="Downstream",
            fields=[
                ("step", models.TextField(primary_key=True, serialize=False)),
                ("failures", models.IntegerField(default=0, help_text="Calls in a row that failed.")),
                (
                    "open_until",
                    models.DateTimeField(help_text="Nothing is sent before this moment.", null=True),
                ),
                (
                    "next_at",
                    models.DateTimeField(
                        help_text="When the rate limit lets the next request go.", null=True
                    ),
                ),
            ],
        ),
        migrations.CreateModel(
            name="TaskToken",
            fields=[
                ("id", models.UUIDField(editable=False, primary_key=True, serialize=False)),
                ("token_sha256", models.TextField()),
                ("work", models.UUIDField()),
                ("epoch", models.IntegerField()),
                ("step", models.TextField()),
                ("number", models.IntegerField(help_text="The item's number in its batch.")),
                ("subject", models.TextField(help_text="The item's stream.")),
                ("run_key", models.TextField()),
                ("group_key", models.TextField()),
                (
                    "state",
                    models.TextField(
                        choices=[
                            ("open", "open"),
                            ("succeeded", "succeeded"),
                            ("failed", "failed"),
                            ("expired", "expired"),
                            ("void", "void"),
                        ],
                        default="open",
                    ),
                ),
                ("issued_at", models.DateTimeField()),
                ("deadline_at", models.DateTimeField()),
                ("heartbeat_s", models.FloatField()),
                ("heartbeat_at", models.DateTimeField(help_text="When it must have been heard of again.")),
                ("answered_at", models.DateTimeField(null=True)),
                ("answer", models.JSONField(null=True)),
                ("answer_sha256", models.TextField(blank=True, default="")),
            ],
            options={
                "constraints": [
                    models.UniqueConstraint(models.F("token_sha256"), name="tokens_by_hash")
                ],
                "indexes": [
                    models.Index(models.F("work"), models.F("step"), name="tokens_of_work"),
                    models.Index(models.F("subject"), models.F("step"), name="tokens_of_item"),
                    models.Index(
                        models.F("deadline_at"),
                        condition=models.Q(("state", "open")),
                        name="tokens_by_deadline",
                    ),
                    models.Index(
                        models.F("heartbeat_at"),
                        condition=models.Q(("state", "open")),
                        name="tokens_by_heartbeat",
                    ),
                    models.Index(
                        models.F("step"), condition=models.Q(("state", "open")), name="tokens_in_flight"
                    ),
                ],
            },
        ),
        migrations.AlterField(
            model_name="deadletter",
            name="kind",
            field=models.TextField(help_text="needs review, no answer, bug, lost worker, or alarm"),
        ),
    ]
