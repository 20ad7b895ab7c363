from decimal import Decimal

from django.contrib.auth import get_user_model
from django.core.management.base import BaseCommand
from django.db import transaction

from store.models import Product

PRODUCTS = [
    ("brass-gear", "Brass gear", "One of many; turns the others.", "4.50", 400),
    ("punched-cards", "Punched cards", "A hundred, blank, for patterns and programs.", "12.00", 60),
    ("ink-ribbon", "Ink ribbon", "Black, for the printing apparatus.", "7.25", 35),
    ("steam-valve", "Steam valve", "Opens at three atmospheres.", "89.90", 8),
]
CUSTOMER = ("ada", "difference-engine")


class Command(BaseCommand):
    help = "Puts the products and the demo customer in. What is there already stays as it is."

    @transaction.atomic
    def handle(self, *args, **options):
        made = 0
        for slug, name, description, price, stock in PRODUCTS:
            values = {"name": name, "description": description, "price": Decimal(price), "stock": stock}
            _, new = Product.objects.get_or_create(slug=slug, defaults=values)
            made += new
        username, password = CUSTOMER
        customer, new = get_user_model().objects.get_or_create(username=username)
        if new:
            customer.set_password(password)
            customer.save()
        self.stdout.write(f"{made} products and {int(new)} customers are new")
