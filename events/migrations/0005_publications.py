import django.db.models.deletion
from django.db import migrations, models

# The follower of events/outbox.py begins where the log ends now: what was before is history, and is not told.
# Only what nothing can still slip in behind counts as before (see store.READ_ALL).
BEGIN = """
insert into events_checkpoint (name, xid, position)
select 'publications', coalesce(max(xid), '0'), coalesce(max(position), 0) from (
  select xid::text, position from events_event
   where xid < pg_snapshot_xmin(pg_current_snapshot())
   order by events_event.xid desc, events_event.position desc limit 1) last
on conflict do nothing
"""


class Migration(migrations.Migration):
    dependencies = [("events", "0004_task_tokens")]
    operations = [
        migrations.CreateModel(
            name="Publication",
            fields=[
                (
                    "id",
                    models.UUIDField(
                        editable=False,
                        help_text="Subscribers deduplicate by it.",
                        primary_key=True,
                        serialize=False,
                    ),
                ),
                ("topic", models.TextField()),
                ("subject", models.TextField(help_text="The stream of the event it was made from.")),
                ("attributes", models.JSONField(help_text="What subscribers filter on.")),
                ("body", models.JSONField()),
                ("recorded_at", models.DateTimeField()),
            ],
            options={
                "ordering": ["-recorded_at"],
                "indexes": [models.Index(models.F("recorded_at"), name="publications_by_time")],
            },
        ),
        migrations.CreateModel(
            name="Delivery",
            fields=[
                ("id", models.UUIDField(editable=False, primary_key=True, serialize=False)),
                ("subscriber", models.TextField()),
                ("attempts", models.IntegerField(default=0)),
                ("due_at", models.DateTimeField()),
                ("sent_at", models.DateTimeField(null=True)),
                ("given_up_at", models.DateTimeField(null=True)),
                ("error", models.TextField(blank=True, default="")),
                (
                    "publication",
                    models.ForeignKey(on_delete=django.db.models.deletion.CASCADE, to="events.publication"),
                ),
            ],
            options={
                "verbose_name_plural": "deliveries",
                "permissions": [("send_again_delivery", "Can send a delivery again that was given up")],
                "indexes": [
                    models.Index(
                        models.F("due_at"),
                        condition=models.Q(("given_up_at__isnull", True), ("sent_at__isnull", True)),
                        name="deliveries_due",
                    ),
                    models.Index(
                        models.F("given_up_at"),
                        condition=models.Q(("given_up_at__isnull", False)),
                        name="deliveries_given_up",
                    ),
                ],
                "constraints": [
                    models.UniqueConstraint(
                        models.F("publication"), models.F("subscriber"), name="one_delivery_per_subscriber"
                    )
                ],
            },
        ),
        migrations.RunSQL(BEGIN, migrations.RunSQL.noop),
    ]
