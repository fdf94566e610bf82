"""Tells the declarations of attributes which objects may hold one."""

from apps.accounts.declarations import register_holders
from apps.accounts.models import About
from apps.projects.models import Project

register_holders(About.PROJECT, Project.objects.all)
