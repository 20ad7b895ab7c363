"""What the worker does."""

import logging

from celery import shared_task
from django.db import transaction
from django.utils import timezone

from .models import Order, Product

logger = logging.getLogger(__name__)


@shared_task
def process_order(order_id):
    """Takes the goods from the stock, or refuses the order. May run again for the same order: then nothing happens."""
    with transaction.atomic():
        order = Order.objects.select_for_update().get(pk=order_id)
        if order.status != Order.Status.PLACED:
            return
        product = Product.objects.select_for_update().get(pk=order.product_id)
        if product.stock >= order.quantity:
            product.stock -= order.quantity
            product.save(update_fields=["stock"])
            order.status = Order.Status.CONFIRMED
        else:
            order.status = Order.Status.REFUSED
        order.processed_at = timezone.now()
        order.save(update_fields=["status", "processed_at"])
    logger.info("order %s %s", order_id, order.status)
