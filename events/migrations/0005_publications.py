import django.db.models.deletion
from django.db import migrations, models


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
                "indexes": [
                    models.Index(
                        models.F("due_at"),
                        condition=models.Q(("given_up_at__isnull", True), ("sent_at__isnull", True)),
                        name="deliveries_due",
                    )
                ],
                "constraints": [
                    models.UniqueConstraint(
                        models.F("publication"), models.F("subscriber"), name="one_delivery_per_subscriber"
                    )
                ],
            },
        ),
    ]
