"""``routing_strategy: provider-budget-routing``: at random. Budgets are looked at whatever the strategy is."""

from proxy.routing.strategies.simple_shuffle import Strategy

__all__ = ["Strategy"]
