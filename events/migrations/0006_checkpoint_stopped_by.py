from django.db import migrations, models


class Migration(migrations.Migration):

    dependencies = [
        ('events', '0005_publications'),
    ]

    operations = [
        migrations.AddField(
            model_name='checkpoint',
            name='stopped_by',
            field=models.TextField(blank=True, db_default='', help_text='Why it cannot be folded any further; empty when it can.'),
        ),
    ]
