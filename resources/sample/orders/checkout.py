# SPDX-License-Identifier: Apache-2.0
"""The end of an order: an invoice is drawn, and a payment is awaited."""

import json

INVOICE_ROWS = 70


def parse_payment(order):
    """What a payment service would answer: made and read again, as text. None of it outlives the order."""
    lines = [{"product": number, "note": "x" * 600} for number in order["products"]]
    return json.loads(json.dumps({"order": order["number"], "lines": lines}))


def draw_invoice(order, payment):
    header = f"Invoice {order['number']}".ljust(80)
    rows = [f"{i:4} {payment['order']:10} {'·' * 380}" for i in range(INVOICE_ROWS)]
    return "\n".join([header, *rows]).encode()


def check_out(order, bus):
    payment = parse_payment(order)
    invoice = draw_invoice(order, payment)

    def on_paid():
        return invoice[:80]

    # Nobody removes the listener once the order is paid, so its invoice is never freed.
    bus.subscribe(f"paid-{order['number']}", on_paid)
    bus.publish(f"paid-{order['number']}")
