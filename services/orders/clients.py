"""Payments, as orders sees it."""

from typing import Any, Protocol

from labkit.app import ApiError
from labkit.http import Client, Response
from orders.domain import Failure, Instrument, Order, PaymentResult, Status

# Answers that say what happened: refused for good (402, 422), or not now, and whose fault it is (502, 503, 504).
DECIDED = frozenset({402, 422})
NOT_NOW = frozenset({502, 503, 504})


class Payments(Protocol):
    """Takes the money of an order, once, however often it is asked."""

    def pay(self, order: Order, instrument: Instrument) -> PaymentResult:
        """Authorised, declined or rejected; raises ApiError (502, 503, 504) when it could not be decided."""


class HttpPayments:
    """The payments service over HTTP."""

    def __init__(self, client: Client) -> None:
        self._client = client

    def pay(self, order: Order, instrument: Instrument) -> PaymentResult:
        """See :class:`Payments`."""
        payment = {
            "order_id": order.order_id,
            "amount_minor": order.total.amount_minor,
            "currency": order.total.currency,
            "method": instrument.method,
            "instrument": dict(instrument.details),
        }
        response = self._client.post("/payments", json=payment, accept=DECIDED | NOT_NOW)
        if response.status in NOT_NOW:
            raise _as_error(response)
        return _failed(response) if response.status in DECIDED else _authorised(response)


def _authorised(response: Response) -> PaymentResult:
    return PaymentResult(Status.PLACED, transaction_id=response.json()["transaction_id"])


def _failed(response: Response) -> PaymentResult:
    error = _error(response)
    failure = Failure(error["code"], error["message"], error["hint"])
    status = Status.PAYMENT_DECLINED if response.status == 402 else Status.PAYMENT_REJECTED
    return PaymentResult(status, failure=failure)


def _as_error(response: Response) -> ApiError:
    error = _error(response)
    return ApiError(response.status, error["code"], error["message"], error["hint"], error["context"])


def _error(response: Response) -> dict[str, Any]:
    error: dict[str, Any] = response.json()["error"]
    return error
