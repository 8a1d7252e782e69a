from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [("events", "0006_checkpoint_stopped_by")]
    operations = [
        migrations.AlterField(
            model_name="deadletter",
            name="state",
            field=models.TextField(
                choices=[
                    ("open", "open"),
                    ("redriven", "redriven"),
                    ("dismissed", "dismissed"),
                    ("carried_over", "carried over"),
                ],
                default="open",
            ),
        ),
    ]
