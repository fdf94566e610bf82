from django.db import migrations, models

ROLES = [
    ("owner", "Owner"),
    ("maintainer", "Maintainer"),
    ("data_scientist", "Data scientist"),
    ("reviewer", "Reviewer"),
    ("viewer", "Viewer"),
    ("auditor", "Auditor"),
]


class Migration(migrations.Migration):
    dependencies = [
        ("projects", "0004_project_attributes"),
    ]

    operations = [
        migrations.AlterField(
            model_name=name,
            name="role",
            field=models.CharField(choices=ROLES, max_length=20),
        )
        for name in ("historicalmembership", "membership")
    ]
