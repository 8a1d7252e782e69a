from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [("events", "0002_event_log")]
    operations = [
        migrations.AddField(
            model_name="limit",
            name="dead_max",
            field=models.PositiveIntegerField(
                help_text="Dead items that are tolerated; one more and nothing else is claimed.", null=True
            ),
        ),
        migrations.AddField(
            model_name="limit",
            name="paused",
            field=models.BooleanField(
                default=False, help_text="Nothing is claimed until somebody resumes it."
            ),
        ),
        migrations.AlterField(
            model_name="limit",
            name="leased_max",
            field=models.PositiveIntegerField(
                help_text="Pieces of work leased at a time; empty for any number.", null=True
            ),
        ),
        migrations.AlterField(
            model_name="limit",
            name="scope",
            field=models.TextField(
                help_text="run:<run key>, group:<group key> or part:<run key>/<group key>",
                primary_key=True,
                serialize=False,
            ),
        ),
        migrations.AddIndex(
            model_name="deadletter",
            index=models.Index(
                models.F("fingerprint"),
                models.F("closed_at"),
                condition=models.Q(("state", "redriven")),
                name="letters_redriven",
            ),
        ),
    ]
