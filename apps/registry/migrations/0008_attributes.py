from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [
        ("registry", "0007_index_beginnings_of_names"),
    ]

    operations = [
        migrations.AddField(
            model_name="historicalmodelversion",
            name="attributes",
            field=models.JSONField(blank=True, default=dict),
        ),
        migrations.AddField(
            model_name="historicalregisteredmodel",
            name="attributes",
            field=models.JSONField(blank=True, default=dict),
        ),
        migrations.AddField(
            model_name="modelversion",
            name="attributes",
            field=models.JSONField(blank=True, default=dict),
        ),
        migrations.AddField(
            model_name="registeredmodel",
            name="attributes",
            field=models.JSONField(blank=True, default=dict),
        ),
    ]
