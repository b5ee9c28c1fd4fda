"""A Salesforce org that serves the company: REST, Bulk 2.0 and OAuth as an integration user meets them.

What Salesforce cannot show of the company's truth, it does not show here either: instants are whole seconds; nothing is dated back (a change
counts from the moment it was recorded); opportunities do not merge (a merge in the company is a deletion here); an opportunity always has an
owner and a close date; deleted rows lie in the recycle bin for 15 days, only `queryAll` shows them, then they are gone for good. A deal that
the company brings back later than that reappears under its old id. Notes are not served. Products, line items, campaigns and quotas are
there and empty. Where the company archives a contact, a company or a lead, this org merges it into the one before.
"""
