"""Salesforce's refusals and the spelling of its values in JSON and in CSV."""

from decimal import Decimal
from typing import Any

import msgspec

from simulator.hubspot.answers import Response
from simulator.seasons import iso


class Refused(Exception):
    """An error answer: HTTP status and Salesforce's list of one error."""

    def __init__(self, status: int, code: str, message: str) -> None:
        super().__init__(message)
        self.status = status
        self.code = code

    def response(self) -> Response:
        """The answer as bytes."""
        body = [{"message": str(self), "errorCode": self.code}]
        return Response(self.status, msgspec.json.encode(body), {"Content-Type": "application/json;charset=UTF-8"})


def malformed(message: str) -> Refused:
    """400, as for SOQL that cannot be read."""
    return Refused(400, "MALFORMED_QUERY", message)


def no_column(field: str, entity: str) -> Refused:
    """400: the field is not there, or not for this user."""
    return Refused(
        400,
        "INVALID_FIELD",
        f"No such column '{field}' on entity '{entity}'. If you are attempting to use a custom field, be sure to append the '__c' "
        "after the custom field name. Please reference your WSDL or the describe call for the appropriate names.",
    )


def no_object(entity: str) -> Refused:
    """400: the object is not there, or not for this user."""
    return Refused(400, "INVALID_TYPE", f"sObject type '{entity}' is not supported.")


def double_text(value: float | Decimal) -> str:
    """A double as Java prints it: at least one decimal, exponents from ten million on."""
    number = Decimal(str(value)).normalize()
    if number and not Decimal("0.001") <= abs(number) < Decimal(10_000_000):
        digits = "".join(map(str, number.as_tuple().digits))
        sign = "-" if number < 0 else ""
        return f"{sign}{digits[0]}.{digits[1:] or '0'}E{number.adjusted()}"
    text = f"{number:f}"
    return text if "." in text else f"{text}.0"


def as_json(kind: str, value: Any) -> Any:
    """A value of a field type as REST writes it."""
    if value is None:
        return None
    if kind == "datetime":
        return iso(value).replace("Z", "+0000")
    if kind in ("currency", "double", "percent"):
        return msgspec.Raw(double_text(value).encode())
    return value


def as_csv(kind: str, value: Any) -> str:
    """The same as Bulk 2.0 writes it: nothing for null, instants with a Z."""
    if value is None:
        return ""
    if kind == "datetime":
        return iso(value)
    if kind in ("currency", "double", "percent"):
        return double_text(value)
    if kind == "boolean":
        return "true" if value else "false"
    return str(value)
