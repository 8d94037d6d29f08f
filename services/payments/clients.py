"""The payment provider, as payments sees it."""

from typing import Any, Protocol

from labkit.app import ApiError
from labkit.http import Client, Response
from payments.domain import Payment, PaymentRequest

TOKEN_FIELDS = {"card": "card_token", "bank": "iban_hash", "crypto": "wallet_hash"}
CHARGES = "/payment-provider/v1/charges"


class PaymentProvider(Protocol):
    """Charges tokens. The same order is charged once, however often it is asked for."""

    def charge(self, asked: PaymentRequest, token: str) -> Payment:
        """Accepted or declined; raises ApiError (503, 504, 502) when the provider could not be asked."""

    def find(self, transaction_id: str) -> Payment:
        """A former payment; raises ApiError 404 ``payment.unknown``."""


class HttpPaymentProvider:
    """Version 1 of the provider's API over HTTP. Its charge id is our transaction id."""

    def __init__(self, client: Client) -> None:
        self._client = client

    def charge(self, asked: PaymentRequest, token: str) -> Payment:
        """See :class:`PaymentProvider`."""
        charge = {
            "reference": asked.order_id,
            "amount_minor": asked.amount_minor,
            "currency": asked.currency,
            "method": asked.method,
            TOKEN_FIELDS[asked.method]: token,
        }
        return _payment(self._client.post(CHARGES, json=charge))

    def find(self, transaction_id: str) -> Payment:
        """See :class:`PaymentProvider`."""
        response = self._client.get(f"{CHARGES}/{transaction_id}", accept={404})
        if response.status == 404:
            raise ApiError(
                404, "payment.unknown", "There is no payment with this id.", "The provider keeps only the latest ones."
            )
        return _payment(response)


def _payment(response: Response) -> Payment:
    charge: dict[str, Any] = response.json()
    asked = PaymentRequest(charge["reference"], charge["amount_minor"], charge["currency"], charge["method"])
    return Payment(charge["charge_id"], asked, charge["decline_reason"] or "")
