from django.db import migrations, models
from django.db.models.fields.json import KeyTextTransform
from django.db.models.functions.comparison import Cast


def text(name):
    return models.GeneratedField(db_persist=True, expression=KeyTextTransform(name, 'facts'), null=True, output_field=models.TextField())


def uuid(name):
    return models.GeneratedField(db_persist=True, expression=Cast(KeyTextTransform(name, 'facts'), models.UUIDField()), null=True, output_field=models.UUIDField())


class Migration(migrations.Migration):

    dependencies = [
        ('payroll', '0013_undo'),
    ]

    operations = [
        migrations.AlterModelOptions(
            name='payrun',
            options={'ordering': ['-first_at'], 'permissions': [('pause_payrun', 'Can pause and resume a pay run'), ('cancel_payrun', 'Can cancel a pay run'), ('undo_payrun', 'Can undo what a pay run has paid, with a second person'), ('correct_payrun', 'Can open a correction of what a pay run has paid, or dismiss a proposed one')], 'verbose_name': 'pay run'},
        ),
        migrations.CreateModel(
            name='LateChange',
            fields=[
                ('stream', models.TextField(primary_key=True, serialize=False)),
                ('version', models.IntegerField()),
                ('last_event', models.TextField()),
                ('facts', models.JSONField()),
                ('first_at', models.DateTimeField(verbose_name='opened')),
                ('last_at', models.DateTimeField(verbose_name='last event')),
                ('run', uuid('run')),
                ('employer_run', uuid('employer_run')),
                ('employer', text('employer')),
                ('employee_id', text('employee_id')),
                ('pay_date', text('pay_date')),
                ('state', text('state')),
                ('taken_run', uuid('taken_run')),
                ('taken_part', uuid('taken_part')),
            ],
            options={
                'ordering': ['-pay_date', 'employer', 'employee_id'],
                'indexes': [models.Index(models.F('run'), models.F('employer'), name='late_change_of_run'), models.Index(models.F('state'), name='late_change_by_state')],
            },
        ),
        migrations.CreateModel(
            name='TouchedPaycheck',
            fields=[
                ('id', models.BigAutoField(primary_key=True, serialize=False)),
                ('employer_run', models.UUIDField()),
                ('employee_id', models.TextField()),
                ('touches', models.IntegerField()),
                ('touched_at', models.DateTimeField()),
            ],
            options={
                'constraints': [models.UniqueConstraint(fields=('employer_run', 'employee_id'), name='touched_paycheck_once')],
            },
        ),
    ]
