from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [
        ("projects", "0003_project_visibility"),
    ]

    operations = [
        migrations.AddField(
            model_name="historicalproject",
            name="attributes",
            field=models.JSONField(blank=True, default=dict),
        ),
        migrations.AddField(
            model_name="project",
            name="attributes",
            field=models.JSONField(blank=True, default=dict),
        ),
    ]
