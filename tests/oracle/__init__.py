"""An independent ledger of stage moves in plain Python, and the random companies it judges the warehouse with.

It shares no code with the product and was written from the public definitions alone, so that where both agree,
two separate readings of the definitions agree.
"""
