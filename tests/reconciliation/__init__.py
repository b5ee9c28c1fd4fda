"""A record is lost between the source and the warehouse: does the reconciliation find it, and is it silent when nothing is lost?"""
