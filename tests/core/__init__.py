"""What the tests of staging, intermediate and core stand on: a warehouse written by hand."""
