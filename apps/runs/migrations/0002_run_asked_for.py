from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [
        ("runs", "0001_initial"),
    ]

    operations = [
        migrations.AddField(
            model_name="run",
            name="asked_for",
            field=models.CharField(blank=True, default="", max_length=40),
            preserve_default=False,
        ),
    ]
