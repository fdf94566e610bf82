"""The WSGI application for a gunicorn beside the test, on the database of the test."""

import os

from django.conf import settings
from django.core.wsgi import get_wsgi_application

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "mlgov.settings")
settings.DATABASES["default"]["NAME"] = os.environ["SERVED_DATABASE"]
application = get_wsgi_application()
