"""Many nights in one process: the simulated CRM over HTTP, the product's own steps, the truth log beside them."""
