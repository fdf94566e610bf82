from celery import shared_task

from apps.projects import access_reviews


@shared_task(name="projects.remind_of_access_reviews")
def remind_of_access_reviews() -> None:
    access_reviews.remind()
