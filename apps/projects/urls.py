"""Put together with the pages of `apps.web` under the name `projects`."""

from django.urls import path

from apps.projects import views

urlpatterns = [
    path("projects/new", views.new, name="new"),
    path("projects/<slug:slug>/members", views.members, name="members"),
    path("projects/<slug:slug>/members/<int:pk>", views.member, name="member"),
    path("projects/<slug:slug>/members/<int:pk>/remove", views.member_remove, name="member_remove"),
]
