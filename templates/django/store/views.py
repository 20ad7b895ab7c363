from django.contrib import messages
from django.contrib.auth.decorators import login_required
from django.core.cache import cache
from django.db import connection, transaction
from django.http import JsonResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.views.decorators.http import require_GET, require_http_methods

from .forms import OrderForm
from .models import Order, Product
from .signals import PRODUCTS_KEY
from .tasks import process_order


@require_GET
def home(request):
    products = cache.get_or_set(PRODUCTS_KEY, lambda: list(Product.objects.all()), timeout=60)
    return render(request, "store/home.html", {"products": products})


@login_required
@require_http_methods(["GET", "POST"])
def place_order(request):
    form = OrderForm(request.POST or None, initial={"product": request.GET.get("product"), "quantity": 1})
    if request.method == "POST" and form.is_valid():
        order = form.save(commit=False)
        order.customer = request.user
        order.total = order.product.price * order.quantity
        with transaction.atomic():
            order.save()
            # the worker must not look before the order is there to be seen
            transaction.on_commit(lambda: process_order.delay(order.pk))
        messages.success(request, f"Order {order.pk} was placed.")
        return redirect("order", pk=order.pk)
    return render(request, "store/order_form.html", {"form": form})


@login_required
@require_GET
def order_detail(request, pk):
    order = get_object_or_404(Order.objects.select_related("product"), pk=pk, customer=request.user)
    return render(request, "store/order.html", {"order": order})


@login_required
@require_GET
def order_list(request):
    orders = request.user.orders.select_related("product")
    return render(request, "store/orders.html", {"orders": orders})


@require_GET
def healthz(request):
    """200 where the database and Redis answer, else 503 with what does not."""
    checks = {"database": check_database, "redis": check_redis}
    wrong = {}
    for name, check in checks.items():
        try:
            check()
        except Exception as error:  # whatever it is, it makes the service unfit
            wrong[name] = type(error).__name__
    if wrong:
        return JsonResponse({"status": "unfit", "wrong": wrong}, status=503)
    return JsonResponse({"status": "ok", "checked": list(checks)})


def check_database():
    with connection.cursor() as cursor:
        cursor.execute("SELECT 1")


def check_redis():
    cache.set("store:healthz", "1", timeout=10)
    if cache.get("store:healthz") != "1":
        raise RuntimeError("the cache forgets")
