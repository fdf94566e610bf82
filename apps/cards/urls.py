from django.urls import path

from apps.cards import views

app_name = "cards"
urlpatterns = [
    path("models/<str:name>/versions/<int:number>/card", views.edit, name="edit"),
    path(
        "models/<str:name>/versions/<int:number>/card/revisions", views.revisions, name="revisions"
    ),
    path(
        "models/<str:name>/versions/<int:number>/card/revisions/<int:revision>",
        views.revision,
        name="revision",
    ),
]
