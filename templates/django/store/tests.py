from decimal import Decimal
from unittest.mock import patch

from django.contrib.auth import get_user_model
from django.core.cache import cache
from django.core.management import call_command
from django.test import TestCase
from django.urls import reverse

from .models import Order, Product
from .tasks import process_order


class ShopTestCase(TestCase):
    def setUp(self):
        cache.clear()
        call_command("seed", verbosity=0, stdout=open("/dev/null", "w"))
        self.customer = get_user_model().objects.get(username="ada")
        self.gear = Product.objects.get(slug="brass-gear")


class PagesTest(ShopTestCase):
    def test_home_lists_products(self):
        response = self.client.get(reverse("home"))
        self.assertContains(response, "Brass gear")
        self.assertContains(response, "data-product=", count=4)

    def test_home_forgets_its_cache_when_a_product_changes(self):
        self.client.get(reverse("home"))
        with self.captureOnCommitCallbacks(execute=True):
            Product.objects.create(slug="lamp", name="Oil lamp", price=Decimal("3.00"))
        self.assertContains(self.client.get(reverse("home")), "Oil lamp")

    def test_health_names_what_it_checked(self):
        self.assertEqual(self.client.get(reverse("healthz")).json()["checked"], ["database", "redis"])

    def test_health_fails_without_redis(self):
        with patch("store.views.check_redis", side_effect=ConnectionError):
            response = self.client.get(reverse("healthz"))
        self.assertEqual(response.status_code, 503)
        self.assertEqual(response.json()["wrong"], {"redis": "ConnectionError"})

    def test_ordering_needs_a_login(self):
        response = self.client.get(reverse("place-order"))
        self.assertRedirects(response, f"{reverse('login')}?next={reverse('place-order')}")


class OrderTest(ShopTestCase):
    def place(self, quantity):
        self.client.force_login(self.customer)
        with patch("store.views.process_order.delay") as delay, self.captureOnCommitCallbacks(execute=True):
            response = self.client.post(reverse("place-order"), {"product": self.gear.pk, "quantity": quantity})
        return response, delay

    def test_an_order_is_given_to_the_worker(self):
        response, delay = self.place(3)
        order = Order.objects.get()
        self.assertRedirects(response, reverse("order", args=[order.pk]))
        self.assertEqual((order.total, order.status), (Decimal("13.50"), Order.Status.PLACED))
        delay.assert_called_once_with(order.pk)

    def test_nothing_cannot_be_ordered(self):
        response, delay = self.place(0)
        self.assertEqual(response.status_code, 200)
        self.assertFalse(Order.objects.exists())
        delay.assert_not_called()

    def test_the_worker_takes_from_the_stock_once(self):
        self.place(3)
        order = Order.objects.get()
        process_order(order.pk)
        process_order(order.pk)
        order.refresh_from_db()
        self.gear.refresh_from_db()
        self.assertEqual((order.status, self.gear.stock), (Order.Status.CONFIRMED, 397))
        self.assertIsNotNone(order.processed_at)

    def test_more_than_there_is_is_refused(self):
        self.place(401)
        order = Order.objects.get()
        process_order(order.pk)
        order.refresh_from_db()
        self.gear.refresh_from_db()
        self.assertEqual((order.status, self.gear.stock), (Order.Status.REFUSED, 400))

    def test_orders_of_others_are_not_shown(self):
        self.place(1)
        self.client.force_login(get_user_model().objects.create_user("eve"))
        self.assertEqual(self.client.get(reverse("order", args=[Order.objects.get().pk])).status_code, 404)


class SeedTest(ShopTestCase):
    def test_seeding_again_changes_nothing(self):
        self.gear.stock = 1
        self.gear.save()
        call_command("seed", verbosity=0, stdout=open("/dev/null", "w"))
        self.gear.refresh_from_db()
        self.assertEqual((Product.objects.count(), self.gear.stock), (4, 1))
