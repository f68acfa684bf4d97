"""From a configuration file to everything that a gateway is made of, without touching disk or network.

``plantspace check`` makes a plan and throws it away; ``plantspace run`` makes the same plan and starts it. So what
check passes, run starts.
"""

from server.plan.plan import Plan, plan_gateway

__all__ = ["Plan", "plan_gateway"]
