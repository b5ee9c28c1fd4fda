"""Random companies, the marts' questions answered from their histories in plain Python, and a build of the real marts on them."""
