from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [("reviews", "0002_reviews_say_why_they_ended")]

    operations = [migrations.AddField("verdict", "counts", models.BooleanField(default=True))]
