"""Publications under the eyes of their readers."""
