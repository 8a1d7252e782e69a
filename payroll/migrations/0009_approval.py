from django.db import migrations, models
from django.db.models.functions import Now


class Migration(migrations.Migration):
    dependencies = [("payroll", "0008_ledger")]
    operations = [
        migrations.CreateModel(
            name="Approval",
            fields=[
                ("id", models.UUIDField(editable=False, primary_key=True, serialize=False)),
                ("employer_run", models.UUIDField()),
                ("maker", models.TextField()),
                ("checker", models.TextField()),
                ("register_sha256", models.TextField()),
                ("approved_at", models.DateTimeField(db_default=Now())),
            ],
            options={
                "indexes": [models.Index("employer_run", name="approval_of_employer_run")],
                "constraints": [
                    models.CheckConstraint(
                        condition=~models.Q(maker=models.F("checker")) & ~models.Q(maker="") & ~models.Q(checker=""),
                        name="maker_is_not_checker",
                    )
                ],
            },
        ),
    ]
