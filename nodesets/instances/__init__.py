"""Instances of ObjectTypes and VariableTypes, as Part 3 v1.05 6.2 to 6.4 has them."""

from __future__ import annotations

from nodesets.instances.creating import Instances, NewInstance, instantiate
from nodesets.instances.errors import InstanceError, InstanceProblem

__all__ = ["InstanceError", "InstanceProblem", "Instances", "NewInstance", "instantiate"]
