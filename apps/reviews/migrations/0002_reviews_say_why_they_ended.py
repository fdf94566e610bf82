from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [("reviews", "0001_initial")]

    operations = [
        migrations.AddField(
            "reviewrequest", "closing_reason", models.TextField(blank=True, default="")
        ),
        migrations.AddField(
            "historicalreviewrequest", "closing_reason", models.TextField(blank=True, default="")
        ),
    ]
