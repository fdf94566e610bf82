from django.urls import path

from apps.cards import discussion, views

app_name = "cards"
urlpatterns = [
    path("models/<str:name>/versions/<int:number>/card", views.edit, name="edit"),
    path("models/<str:name>/versions/<int:number>/comments", discussion.comments, name="comments"),
    path(
        "models/<str:name>/versions/<int:number>/comments/<int:pk>",
        discussion.comment,
        name="comment",
    ),
    path(
        "models/<str:name>/versions/<int:number>/comments/<int:pk>/delete",
        discussion.delete,
        name="comment_delete",
    ),
    path(
        "models/<str:name>/versions/<int:number>/card/revisions", views.revisions, name="revisions"
    ),
    path(
        "models/<str:name>/versions/<int:number>/card/revisions/<int:revision>",
        views.revision,
        name="revision",
    ),
]
