"""Deals, archived and deleted ones among them, with their products.

`/deals` leaves out archived deals, `/deals/archived` the others, and both leave out deleted ones unless asked; a deleted deal is
shown for 30 days. Whether deleting moves the update time is not documented, so the deleted ones are listed whole every night. The
window is open at its end: what changed while the night asks is taken as it is and read again next time.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING

from extractors.core.pagination import batches
from extractors.core.spec import Record
from extractors.sources.pipedrive.answers import (
    Object,
    encode,
    id_of,
    number_of,
    payload_of,
    record_of,
    records_of,
    stamp_of,
)
from extractors.sources.pipedrive.connection import connection_of, stamp
from extractors.sources.pipedrive.lists import require_custom_fields
from extractors.sources.pipedrive.pages import cursor_pages
from extractors.sources.pipedrive.totals import ask_totals

if TYPE_CHECKING:
    from extractors.core.run import Extraction

LIVE, ARCHIVED = "/deals", "/deals/archived"
NOT_DELETED, DELETED = "open,won,lost", "deleted"
PRODUCTS = "deal_products"
#: deals whose products come in one call
BATCH = 100


def extract_deals(extraction: Extraction) -> None:
    """Lands the deals changed in the window, the deleted ones, the products of the changed ones; reports the control totals."""
    require_custom_fields(extraction, LIVE)
    window = {} if extraction.window_start is None else {"updated_since": stamp(extraction.window_start)}
    asked = {"include_fields": "source_lead_id,products_count"}
    for path in (LIVE, ARCHIVED):
        for page in cursor_pages(connection_of(extraction), path, {**asked, **window, "status": NOT_DELETED}):
            extraction.page_read()
            extraction.land(records_of(page, "deals"))
            extraction.land(_products(extraction, page), PRODUCTS)
    for path in (LIVE, ARCHIVED):
        for page in cursor_pages(connection_of(extraction), path, {**asked, "status": DELETED}):
            extraction.page_read()
            # Whatever the flag says: they were listed as deleted.
            extraction.land(record._replace(is_deleted=True) for record in records_of(page, "deals"))
    extraction.report_control_totals(ask_totals(extraction))


def _products(extraction: Extraction, deals: list[Object]) -> Iterator[Record]:
    """One record per deal with all its products, so that a product taken off a deal is gone. A deal that says it has none
    is not asked for, and on the first load says nothing worth keeping."""
    counts = {id_of(said, "deals"): _products_count(said) for said in deals}
    for some in batches([deal for deal, count in counts.items() if count != 0], BATCH):
        found: dict[str, list[Object]] = {deal: [] for deal in some}
        for page in cursor_pages(connection_of(extraction), "/deals/products", {"deal_ids": ",".join(some)}):
            for product in page:
                found.setdefault(id_of(product, "products of deals", "deal_id"), []).append(product)
        for deal, products in found.items():
            yield _products_record(deal, products)
    if not extraction.is_first_load:
        for deal, count in counts.items():
            if count == 0:
                yield _products_record(deal, [])


def _products_count(said: Object) -> int | None:
    is_said = "products_count" in said and bytes(said["products_count"]) != b"null"
    return number_of(said, "deals", "products_count") if is_said else None


def _products_record(deal: str, products: list[Object]) -> Record:
    ordered = sorted(products, key=lambda product: number_of(product, "products of deals"))
    return Record(
        deal, None, False, b'{"deal_id":%s,"products":[%s]}' % (deal.encode(), b",".join(map(payload_of, ordered)))
    )


def extract_deals_sweep(extraction: Extraction) -> None:
    """The ids of all deals that are not deleted.

    A deal that is archived while they are read is in the second list, one that is taken out of the archive was changed: the last
    reading has it.
    """
    extraction.land(_ids(extraction, LIVE, {}))
    extraction.land(_ids(extraction, ARCHIVED, {}))
    extraction.land(_ids(extraction, LIVE, {"updated_since": stamp(extraction.now)}))


def _ids(extraction: Extraction, path: str, parameters: Mapping[str, str]) -> Iterator[Record]:
    for page in cursor_pages(connection_of(extraction), path, {**parameters, "status": NOT_DELETED}):
        extraction.page_read()
        for said in page:
            record = record_of(said, "deals")
            small = {"id": record.source_id, "add_time": stamp_of(said, "deals", "add_time")}
            yield Record(record.source_id, record.updated_at, False, encode(small))
