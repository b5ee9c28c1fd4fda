"""From the CRM to typed tables: what extraction, landing, load and staging cost beside a bare loop and beside dlt."""
