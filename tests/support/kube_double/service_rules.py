"""What an API server adds to a Service, and what it refuses (Kubernetes 1.36: registry/core/service, validation).

Addresses and ports are dealt in order, so that a test can be read: the lowest free address, the next free port.
"""
import ipaddress

from .refusal import Refusal, invalid

RANGES = {"IPv4": ipaddress.ip_network("10.96.0.0/16"), "IPv6": ipaddress.ip_network("fd00:96::/112")}
NODE_PORTS = range(30000, 32768)
TYPES = ("ClusterIP", "NodePort", "LoadBalancer", "ExternalName")
POLICIES = ("SingleStack", "PreferDualStack", "RequireDualStack")
LOAD_BALANCER = "LoadBalancer"
MADE_BY_SERVER = ("clusterIP", "clusterIPs", "ipFamilies", "ipFamilyPolicy", "healthCheckNodePort")
NEEDS_NODE_PORTS = ("NodePort", LOAD_BALANCER)


class ServiceRules:
    """families: of the cluster's Service addresses, the first is the default. node_port_range: the API server's
    --service-node-port-range, which may be set before the first Service. Used under the store's lock."""

    def __init__(self, kind, families=("IPv4", "IPv6")):
        self.kind, self.families = kind, list(families)
        self.node_port_range = NODE_PORTS
        self.next_node_port = 0  # of the range, from where a free one is looked for
        self.addresses, self.node_ports = {}, {}  # each with the key of its Service

    def prepare(self, new, old):
        """The Service as it is stored, of one as it was sent. Only the spec; `new` is changed in place."""
        spec = new.setdefault("spec", {})
        name = new["metadata"]["name"]
        was = old["spec"] if old else {}
        spec.setdefault("type", "ClusterIP")
        self.check(spec["type"] in TYPES, name, "spec.type", f'Unsupported value: "{spec["type"]}"')
        self.drop_dependent_fields(spec, was)
        for field in MADE_BY_SERVER:  # what a PUT leaves out stays
            if field not in spec and field in was and field != "healthCheckNodePort":
                spec[field] = was[field]
        spec.setdefault("sessionAffinity", "None")
        spec.setdefault("internalTrafficPolicy", "Cluster")
        if spec["type"] in NEEDS_NODE_PORTS:
            spec.setdefault("externalTrafficPolicy", "Cluster")
        if spec["type"] == LOAD_BALANCER:
            spec.setdefault("allocateLoadBalancerNodePorts", True)
        self.check_class(spec, was, name)
        self.check_ports(spec, name)
        self.set_families(spec, was, name)
        key = f'{new["metadata"]["namespace"]}/{name}'
        self.allocate_addresses(spec, was, key, name)
        self.allocate_node_ports(spec, was, key, name)

    def check(self, holds, name, field, why):
        if not holds:
            raise invalid(self.kind, name, field, why)

    @staticmethod
    def drop_dependent_fields(spec, was):
        """Fields of the old type that nobody has changed go with it (dropTypeDependentFields)."""
        if spec["type"] not in NEEDS_NODE_PORTS and was.get("type") in NEEDS_NODE_PORTS:
            for port in spec.get("ports", []):
                port.pop("nodePort", None)
            spec.pop("externalTrafficPolicy", None)
        if spec["type"] != LOAD_BALANCER:
            for field in ("loadBalancerClass", "allocateLoadBalancerNodePorts"):
                if field in spec and spec[field] == was.get(field):
                    del spec[field]

    def check_class(self, spec, was, name):
        field = "spec.loadBalancerClass"
        if spec["type"] != LOAD_BALANCER:
            self.check("loadBalancerClass" not in spec, name, field, "may only be used when `type` is 'LoadBalancer'")
        elif was.get("type") == LOAD_BALANCER:
            self.check(spec.get("loadBalancerClass") == was.get("loadBalancerClass"), name, field,
                       "may not change once set")

    def check_ports(self, spec, name):
        ports = spec.get("ports") or []
        self.check(ports or spec["type"] == "ExternalName", name, "spec.ports", "Required value")
        names, numbers = set(), set()
        for index, port in enumerate(ports):
            field = f"spec.ports[{index}]"
            port.setdefault("protocol", "TCP")
            self.check(port["protocol"] in ("TCP", "UDP", "SCTP"), name, f"{field}.protocol", "Unsupported value")
            number = port.get("port")
            self.check(isinstance(number, int) and 1 <= number <= 65535, name, f"{field}.port",
                       "must be between 1 and 65535, inclusive")
            self.check(len(ports) == 1 or port.get("name"), name, f"{field}.name", "Required value")
            self.check((number, port["protocol"]) not in numbers, name, field, "Duplicate value")
            self.check(port.get("name") not in names or len(ports) == 1, name, f"{field}.name", "Duplicate value")
            names.add(port.get("name"))
            numbers.add((number, port["protocol"]))
            port.setdefault("targetPort", number)

    def set_families(self, spec, was, name):
        wanted = list(spec.get("ipFamilies") or self.families[:1])
        policy = spec.setdefault("ipFamilyPolicy", "RequireDualStack" if len(wanted) > 1 else "SingleStack")
        self.check(policy in POLICIES, name, "spec.ipFamilyPolicy", f'Unsupported value: "{policy}"')
        self.check(all(each in self.families for each in wanted), name, "spec.ipFamilies",
                   "not configured on this cluster")
        if was.get("ipFamilies"):
            self.check(wanted[0] == was["ipFamilies"][0], name, "spec.ipFamilies[0]", "may not change once set")
        if policy == "SingleStack":
            wanted = wanted[:1]
        elif len(wanted) == 1:
            wanted += [each for each in self.families if each not in wanted]
        self.check(policy != "RequireDualStack" or len(wanted) == 2, name, "spec.ipFamilyPolicy",
                   "this cluster is not configured for dual-stack services")
        spec["ipFamilies"] = wanted

    def allocate_addresses(self, spec, was, key, name):
        had = was.get("clusterIPs") or []
        if spec.get("clusterIP") == "None":
            spec["clusterIPs"] = ["None"]
            return
        self.check(not had or spec.get("clusterIP", had[0]) == had[0], name, "spec.clusterIPs[0]",
                   "may not change once set")
        addresses = had[:len(spec["ipFamilies"])]
        for family in spec["ipFamilies"][len(addresses):]:
            addresses.append(next(str(each) for each in RANGES[family].hosts() if str(each) not in self.addresses))
            self.addresses[addresses[-1]] = key
        for each in had[len(addresses):]:
            self.addresses.pop(each, None)
        spec["clusterIP"], spec["clusterIPs"] = addresses[0], addresses

    def free_node_port(self):
        for _ in self.node_port_range:
            number = self.node_port_range[self.next_node_port % len(self.node_port_range)]
            self.next_node_port += 1
            if number not in self.node_ports:
                return number
        raise Refusal(500, "range is full", reason="InternalError")

    def allocate_node_ports(self, spec, was, key, name):
        had = [each["nodePort"] for each in was.get("ports", []) if each.get("nodePort")]
        if spec["type"] in NEEDS_NODE_PORTS:
            by_port = {(each["port"], each["protocol"]): each.get("nodePort") for each in was.get("ports", [])}
            allocates = spec["type"] == "NodePort" or spec["allocateLoadBalancerNodePorts"]
            for index, port in enumerate(spec["ports"]):
                number = port.get("nodePort") or by_port.get((port["port"], port["protocol"]))
                if number is None and not allocates:
                    continue
                number = number or self.free_node_port()
                self.check(self.node_ports.get(number, key) == key, name, f"spec.ports[{index}].nodePort",
                           f"Invalid value: {number}: provided port is already allocated")
                port["nodePort"] = number
                self.node_ports[number] = key
        keeps = {each.get("nodePort") for each in spec.get("ports", [])}
        for number in had:
            if number not in keeps:
                self.node_ports.pop(number, None)

    def prepare_status(self, service):
        """Defaults and checks of what a controller writes into /status."""
        name, spec = service["metadata"]["name"], service["spec"]
        ingress = service.get("status", {}).get("loadBalancer", {}).get("ingress") or []
        self.check(not ingress or spec["type"] == LOAD_BALANCER, name, "status.loadBalancer.ingress",
                   "may only be used when `spec.type` is \"LoadBalancer\"")
        for index, entry in enumerate(ingress):
            if "ip" not in entry:
                continue
            field = f"status.loadBalancer.ingress[{index}].ip"
            try:
                ipaddress.ip_address(entry["ip"])
            except ValueError:
                raise invalid(self.kind, name, field, "must be a valid IP address") from None
            entry.setdefault("ipMode", "VIP")

    def forget(self, service):
        key = f'{service["metadata"]["namespace"]}/{service["metadata"]["name"]}'
        for held in (self.addresses, self.node_ports):
            for each in [each for each, holder in held.items() if holder == key]:
                del held[each]
