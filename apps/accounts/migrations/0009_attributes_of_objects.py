import django.core.validators
import django.db.models.deletion
from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [
        ("accounts", "0008_claimmapping"),
    ]

    operations = [
        migrations.AlterModelOptions(
            name="attribute",
            options={"ordering": ["about", "name"]},
        ),
        migrations.AddField(
            model_name="attribute",
            name="about",
            field=models.CharField(
                choices=[
                    ("person", "A person"),
                    ("project", "A project"),
                    ("model", "A model"),
                    ("version", "A version"),
                ],
                default="person",
                help_text="What it is a fact about.",
                max_length=10,
            ),
        ),
        migrations.AddField(
            model_name="attribute",
            name="set_by",
            field=models.CharField(
                choices=[
                    ("administrators", "Administrators"),
                    ("owners", "Owners of the project, too"),
                ],
                default="administrators",
                help_text="Who may set it on a project, a model or a version.",
                max_length=20,
                verbose_name="set by",
            ),
        ),
        migrations.AlterField(
            model_name="attribute",
            name="values",
            field=models.JSONField(
                blank=True,
                default=list,
                help_text="In order, the lowest first: “at least” compares the values of a choice "
                "by it.",
            ),
        ),
        migrations.AddField(
            model_name="historicalattribute",
            name="about",
            field=models.CharField(
                choices=[
                    ("person", "A person"),
                    ("project", "A project"),
                    ("model", "A model"),
                    ("version", "A version"),
                ],
                default="person",
                help_text="What it is a fact about.",
                max_length=10,
            ),
        ),
        migrations.AddField(
            model_name="historicalattribute",
            name="set_by",
            field=models.CharField(
                choices=[
                    ("administrators", "Administrators"),
                    ("owners", "Owners of the project, too"),
                ],
                default="administrators",
                help_text="Who may set it on a project, a model or a version.",
                max_length=20,
                verbose_name="set by",
            ),
        ),
        migrations.AlterField(
            model_name="historicalattribute",
            name="values",
            field=models.JSONField(
                blank=True,
                default=list,
                help_text="In order, the lowest first: “at least” compares the values of a choice "
                "by it.",
            ),
        ),
        migrations.AlterField(
            model_name="attribute",
            name="name",
            field=models.CharField(
                help_text="As rules and programs name it, e.g. department.",
                max_length=40,
                validators=[
                    django.core.validators.RegexValidator(
                        "\\A[a-z][a-z0-9_]*\\Z",
                        "Use small letters, digits and _, beginning with a letter.",
                    )
                ],
            ),
        ),
        migrations.AlterField(
            model_name="historicalattribute",
            name="name",
            field=models.CharField(
                help_text="As rules and programs name it, e.g. department.",
                max_length=40,
                validators=[
                    django.core.validators.RegexValidator(
                        "\\A[a-z][a-z0-9_]*\\Z",
                        "Use small letters, digits and _, beginning with a letter.",
                    )
                ],
            ),
        ),
        migrations.AlterField(
            model_name="historicalclaimmapping",
            name="attribute",
            field=models.ForeignKey(
                blank=True,
                db_constraint=False,
                limit_choices_to={"about": "person"},
                null=True,
                on_delete=django.db.models.deletion.DO_NOTHING,
                related_name="+",
                to="accounts.attribute",
            ),
        ),
        migrations.AlterField(
            model_name="claimmapping",
            name="attribute",
            field=models.ForeignKey(
                blank=True,
                limit_choices_to={"about": "person"},
                null=True,
                on_delete=django.db.models.deletion.CASCADE,
                to="accounts.attribute",
            ),
        ),
        migrations.AddConstraint(
            model_name="attribute",
            constraint=models.UniqueConstraint(
                fields=("about", "name"),
                name="one_attribute_per_name_and_what_it_is_about",
                violation_error_message="There is an attribute of this name already.",
            ),
        ),
        migrations.AddConstraint(
            model_name="attribute",
            constraint=models.CheckConstraint(
                condition=models.Q(
                    models.Q(("about", "person"), _negated=True),
                    ("set_by", "administrators"),
                    _connector="OR",
                ),
                name="attributes_of_people_are_set_by_administrators",
                violation_error_message="What people are is set by administrators only.",
            ),
        ),
    ]
