"""Pytest plugin for mutated runs: few deterministic examples, without shrinking.

Without it, Hypothesis spends seconds on each mutant to find the smallest failing example.
"""

from hypothesis import HealthCheck, Phase, settings

settings.register_profile(
    "mutation",
    max_examples=40,
    phases=[Phase.explicit, Phase.generate],
    derandomize=True,
    database=None,
    deadline=None,
    suppress_health_check=list(HealthCheck),
)
settings.load_profile("mutation")
