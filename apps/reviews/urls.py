from django.urls import path

from apps.reviews import views

app_name = "reviews"
urlpatterns = [
    path("models/<str:name>/versions/<int:number>/reviews/new", views.new, name="new"),
    path("reviews/<int:pk>", views.detail, name="detail"),
    path("reviews/<int:pk>/approve", views.approve, name="approve"),
    path("reviews/<int:pk>/request-changes", views.request_changes, name="request_changes"),
    path("reviews/<int:pk>/comment", views.comment, name="comment"),
    path("reviews/<int:pk>/withdraw", views.withdraw, name="withdraw"),
    path("reviews/<int:pk>/reviewers", views.ask, name="ask"),
]
