from django.conf import settings
from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [
        ("projects", "0002_nameprefix_historicalnameprefix"),
        ("registry", "0006_prompts"),
        migrations.swappable_dependency(settings.AUTH_USER_MODEL),
    ]

    operations = [
        migrations.AddIndex(
            model_name="registeredmodel",
            index=models.Index(
                condition=models.Q(("deleted_at", None)),
                fields=["name"],
                name="model_names_by_beginning",
                opclasses=["varchar_pattern_ops"],
            ),
        ),
    ]
