"""A thousand nights over three CRMs: what raw holds every night, and core every tenth, beside the company's truth log."""
