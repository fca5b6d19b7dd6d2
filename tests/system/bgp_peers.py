"""The routers that BGP is tested with. Debian 12: BIRD 2.0.12, FRR 8.4.4, GoBGP 3.10, ExaBGP 4.2.21, OpenBGPD 7.7."""
from bgp_bird import Bird
from bgp_exabgp import Exabgp
from bgp_frr import Frr
from bgp_gobgp import Gobgp
from bgp_openbgpd import Openbgpd

PEERS = {peer.software: peer for peer in (Bird, Frr, Gobgp, Exabgp, Openbgpd)}
