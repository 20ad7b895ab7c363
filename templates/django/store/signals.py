"""Keeps the cached product list honest."""

from django.core.cache import cache
from django.db import transaction
from django.db.models.signals import post_delete, post_save
from django.dispatch import receiver

from .models import Product

PRODUCTS_KEY = "store:products"


@receiver([post_save, post_delete], sender=Product)
def forget_products(**kwargs):
    transaction.on_commit(lambda: cache.delete(PRODUCTS_KEY))
