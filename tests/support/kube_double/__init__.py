"""A double of a newer Kubernetes API server than the one that is built for the tests; see double.py and faults.py.

The real one of the tests is 1.20; what came later (loadBalancerClass, ipMode, EndpointSlice v1, sendInitialEvents) and
what cannot be asked of a real one (an empty list, an answer that ends in the middle) is played here.
"""
from .double import TOKEN, KubeDouble  # noqa: F401
from .faults import (CutAfter, CutBefore, EmptyList, Fault, Garbage, Hold, Refuse, WatchEnd,  # noqa: F401
                     WatchError, WatchGarbage)
from .refusal import Refusal  # noqa: F401
