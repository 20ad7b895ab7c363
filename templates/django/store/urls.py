from django.urls import path

from . import views

urlpatterns = [
    path("", views.home, name="home"),
    path("order/", views.place_order, name="place-order"),
    path("orders/", views.order_list, name="orders"),
    path("orders/<int:pk>/", views.order_detail, name="order"),
    path("healthz", views.healthz, name="healthz"),
]
