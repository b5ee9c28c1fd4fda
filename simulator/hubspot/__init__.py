"""HubSpot's API, date-based paths, serving the company."""
