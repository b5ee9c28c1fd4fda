"""docs/metrics.md: every metric as the models' YAML describes it, with what the demonstration company answers."""
