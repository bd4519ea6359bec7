"""Data that describes a network and what it costs; no weights."""

from selene_tf.architectures.costs import Cost, cost
from selene_tf.architectures.deeplab_v3_plus import DeepLabV3PlusArchitecture
from selene_tf.architectures.routing import RoutingArchitecture
from selene_tf.architectures.routing_path import RoutingPath

__all__ = [
    "Cost",
    "DeepLabV3PlusArchitecture",
    "RoutingArchitecture",
    "RoutingPath",
    "cost",
]
