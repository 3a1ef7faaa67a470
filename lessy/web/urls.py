from django.urls import path

from lessy.web.views import start_page

urlpatterns = [path("", start_page, name="start_page")]
