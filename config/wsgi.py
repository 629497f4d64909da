import os

from config.databases import WEB_PROCESS

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "config.settings")
# Web connections carry statement and lock time-outs; commands set their own.
os.environ.setdefault(WEB_PROCESS, "1")

from django.core.wsgi import get_wsgi_application

application = get_wsgi_application()
