#include "api/openapi.hpp"

namespace trivet::api {

const std::string_view openapi_schemas_text = R"json({
"labels": {"type": "object", "additionalProperties": {"type": "string"}},
"name": {"type": "string", "pattern": "^[a-z0-9]([a-z0-9.-]{0,251}[a-z0-9])?$"},
"names": {"type": "array", "items": {"type": "string"}},
"revision": {"type": "integer", "minimum": 0,
  "description": "log index of the last change; above 0 in a PUT: refuse unless the object is still at it"},
"selector": {"type": "object", "properties": {
  "match_labels": {"$ref": "#/components/schemas/labels"},
  "match_expressions": {"type": "array", "items": {"type": "object", "required": ["key", "operator"], "properties": {
    "key": {"type": "string"},
    "operator": {"enum": ["in", "not_in", "exists", "does_not_exist"]},
    "values": {"$ref": "#/components/schemas/names"}}}}}},
"selectors": {"type": "array", "items": {"$ref": "#/components/schemas/selector"}},
"port": {"type": "object", "required": ["port"], "properties": {
  "port": {"type": "integer", "minimum": 1, "maximum": 65535},
  "protocol": {"enum": ["tcp", "udp", "sctp"], "default": "tcp"}}},
"vip": {"type": "object", "required": ["name"], "properties": {
  "name": {"$ref": "#/components/schemas/name"},
  "namespace": {"$ref": "#/components/schemas/name"},
  "labels": {"$ref": "#/components/schemas/labels"},
  "pool": {"type": "string", "description": "empty: any pool that fits"},
  "addresses": {"type": "array", "items": {"type": "string"}, "description": "wanted; empty: Trivet chooses"},
  "ip_families": {"type": "array", "items": {"enum": ["ipv4", "ipv6"]}},
  "ip_family_policy": {"enum": ["single", "prefer_dual", "require_dual", null]},
  "sharing_key": {"type": "string"},
  "ports": {"type": "array", "items": {"$ref": "#/components/schemas/port"}, "description": "empty: all ports"},
  "traffic_policy": {"enum": ["cluster", "local"], "default": "cluster"},
  "eligible_nodes": {"$ref": "#/components/schemas/names"},
  "preferred_nodes": {"$ref": "#/components/schemas/names"},
  "delivery": {"enum": ["none", "bind"], "default": "none"},
  "revision": {"$ref": "#/components/schemas/revision"},
  "status": {"type": "object", "readOnly": true, "properties": {
    "phase": {"enum": ["pending", "assigned", "announced", "conflict"]},
    "reason": {"type": "string"},
    "addresses": {"$ref": "#/components/schemas/names"},
    "pool": {"type": "string"},
    "owner": {"type": "string"},
    "standbys": {"$ref": "#/components/schemas/names"},
    "epoch": {"type": "integer"},
    "interfaces": {"$ref": "#/components/schemas/names"}}}}},
"vip-explanation": {"type": "object", "properties": {
  "name": {"type": "string"}, "namespace": {"type": "string"},
  "phase": {"type": "string"}, "reason": {"type": "string"},
  "sentences": {"$ref": "#/components/schemas/names"},
  "since": {"type": "string"}, "cause": {"type": "string"},
  "events": {"type": "array", "items": {"type": "object"}},
  "addresses": {"type": "array", "items": {"type": "object", "properties": {
    "address": {"type": "string"}, "pool": {"type": "string"}, "phase": {"type": "string"},
    "owner": {"type": "string"}, "standbys": {"$ref": "#/components/schemas/names"},
    "interfaces": {"$ref": "#/components/schemas/names"}, "reason": {"type": "string"},
    "conflict_mac": {"type": "string"},
    "l2_advertisements": {"$ref": "#/components/schemas/names"},
    "bgp_advertisements": {"$ref": "#/components/schemas/names"}}}}}},
"pool": {"type": "object", "required": ["name", "addresses"], "properties": {
  "name": {"$ref": "#/components/schemas/name"},
  "labels": {"$ref": "#/components/schemas/labels"},
  "addresses": {"type": "array", "items": {"type": "string"}, "description": "CIDR or first-last"},
  "auto_assign": {"type": "boolean", "default": true},
  "avoid_buggy_ips": {"type": "boolean", "default": false},
  "priority": {"type": "integer", "minimum": 0, "default": 0, "description": "lower wins, 0 comes last"},
  "namespaces": {"$ref": "#/components/schemas/names"},
  "namespace_selectors": {"$ref": "#/components/schemas/selectors"},
  "vip_selectors": {"$ref": "#/components/schemas/selectors"},
  "reuse_cooldown": {"type": "integer", "minimum": 0, "description": "seconds"},
  "on_quorum_loss": {"enum": ["withdraw", "hold"], "default": "withdraw"},
  "revision": {"$ref": "#/components/schemas/revision"},
  "status": {"type": "object", "readOnly": true, "properties": {
    "total": {"type": "integer", "description": "2^64-1 stands for that many or more"},
    "assigned": {"type": "integer"}, "cooling": {"type": "integer"}, "free": {"type": "integer"},
    "announced_by": {"enum": ["l2", "bgp", "l2,bgp"]},
    "l2_advertisements": {"$ref": "#/components/schemas/names"},
    "bgp_advertisements": {"$ref": "#/components/schemas/names"},
    "note": {"type": "string"}}}}},
"l2-advertisement": {"type": "object", "required": ["name"], "properties": {
  "name": {"$ref": "#/components/schemas/name"},
  "labels": {"$ref": "#/components/schemas/labels"},
  "pools": {"$ref": "#/components/schemas/names"},
  "pool_selectors": {"$ref": "#/components/schemas/selectors"},
  "node_selectors": {"$ref": "#/components/schemas/selectors"},
  "interfaces": {"$ref": "#/components/schemas/names"},
  "revision": {"$ref": "#/components/schemas/revision"}}},
"namespace": {"type": "object", "required": ["name"], "properties": {
  "name": {"$ref": "#/components/schemas/name"},
  "labels": {"$ref": "#/components/schemas/labels"},
  "revision": {"$ref": "#/components/schemas/revision"}}},
"bgp-peer": {"type": "object", "required": ["name", "my_asn"], "properties": {
  "name": {"$ref": "#/components/schemas/name"},
  "labels": {"$ref": "#/components/schemas/labels"},
  "my_asn": {"type": "integer"}, "peer_asn": {"type": "integer"}, "local_asn": {"type": "integer"},
  "dynamic_asn": {"enum": ["internal", "external"]},
  "peer_address": {"type": "string"}, "interface": {"type": "string"}, "source_address": {"type": "string"},
  "peer_port": {"type": "integer"}, "hold_time": {"type": "integer"}, "keepalive_time": {"type": "integer"},
  "connect_time": {"type": "integer"}, "router_id": {"type": "string"},
  "node_selectors": {"$ref": "#/components/schemas/selectors"},
  "password": {"type": "string", "writeOnly": true},
  "password_set": {"type": "boolean", "description": "there is a password; sent back without one it keeps it"},
  "password_secret": {"type": "object", "properties": {"name": {"type": "string"}, "namespace": {"type": "string"}}},
  "bfd_profile": {"type": "string"}, "enable_graceful_restart": {"type": "boolean"},
  "ebgp_multi_hop": {"type": "boolean"}, "vrf": {"type": "string"}, "disable_mp": {"type": "boolean"},
  "dual_stack_address_family": {"type": "boolean"},
  "revision": {"$ref": "#/components/schemas/revision"}}},
"bgp-advertisement": {"type": "object", "required": ["name"], "properties": {
  "name": {"$ref": "#/components/schemas/name"},
  "labels": {"$ref": "#/components/schemas/labels"},
  "aggregation_length": {"type": "integer"}, "aggregation_length_v6": {"type": "integer"},
  "local_pref": {"type": "integer"},
  "communities": {"$ref": "#/components/schemas/names"},
  "pools": {"$ref": "#/components/schemas/names"},
  "pool_selectors": {"$ref": "#/components/schemas/selectors"},
  "node_selectors": {"$ref": "#/components/schemas/selectors"},
  "peers": {"$ref": "#/components/schemas/names"},
  "vip_selectors": {"$ref": "#/components/schemas/selectors"},
  "revision": {"$ref": "#/components/schemas/revision"}}},
"bfd-profile": {"type": "object", "required": ["name"], "properties": {
  "name": {"$ref": "#/components/schemas/name"},
  "labels": {"$ref": "#/components/schemas/labels"},
  "receive_interval": {"type": "integer"}, "transmit_interval": {"type": "integer"},
  "detect_multiplier": {"type": "integer"}, "echo_interval": {"type": "integer"},
  "echo_mode": {"type": "boolean"}, "passive_mode": {"type": "boolean"}, "minimum_ttl": {"type": "integer"},
  "revision": {"$ref": "#/components/schemas/revision"}}},
"community": {"type": "object", "required": ["name"], "properties": {
  "name": {"$ref": "#/components/schemas/name"},
  "labels": {"$ref": "#/components/schemas/labels"},
  "communities": {"type": "array", "items": {"type": "object", "properties": {
    "name": {"type": "string"}, "value": {"type": "string"}}}},
  "revision": {"$ref": "#/components/schemas/revision"}}},
"node": {"type": "object", "properties": {
  "name": {"type": "string"}, "labels": {"$ref": "#/components/schemas/labels"},
  "drained": {"type": "boolean"},
  "weight": {"type": "integer", "description": "its share of the VIPs, beside the other nodes' weights"},
  "witness": {"type": "boolean", "description": "it votes, and carries no traffic"},
  "interfaces": {"type": "array", "description": "usable and up; absent: it has not told",
    "items": {"type": "object", "properties": {
      "name": {"type": "string"}, "mac": {"type": "string"},
      "prefixes": {"type": "array", "items": {"type": "string"}}}}},
  "revision": {"$ref": "#/components/schemas/revision"}}},
"apply": {"type": "object", "required": ["items"], "properties": {
  "items": {"type": "array", "items": {"type": "object", "required": ["kind", "name"], "properties": {
    "kind": {"enum": ["pool", "vip", "l2-advertisement", "bgp-advertisement", "bgp-peer", "bfd-profile", "community", "namespace"]}}}},
  "force": {"type": "boolean"}, "dry_run": {"type": "boolean"}, "create_only": {"type": "boolean"}}},
"apply-answer": {"type": "object", "properties": {
  "items": {"type": "array", "items": {"type": "object", "properties": {
    "kind": {"type": "string"}, "namespace": {"type": "string"}, "name": {"type": "string"},
    "result": {"enum": ["created", "changed", "unchanged"]}}}},
  "dry_run": {"type": "boolean"}, "revision": {"$ref": "#/components/schemas/revision"}}},
"event": {"type": "object", "properties": {
  "index": {"type": "integer", "description": "of the command that caused it; 0: seen by this node alone"},
  "at": {"type": "string", "format": "date-time"},
  "type": {"type": "string"}, "object": {"type": "string"}, "message": {"type": "string"}}},
"init-answer": {"type": "object", "properties": {
  "node": {"type": "string"}, "api": {"type": "string"},
  "admin_token": {"type": "string"}, "ca_hash": {"type": "string"}}},
"role": {"enum": ["voter", "agent"]},
"cluster": {"type": "object", "properties": {
  "initialised": {"type": "boolean"}, "cluster_id": {"type": "string"},
  "revision": {"$ref": "#/components/schemas/revision"},
  "nodes": {"$ref": "#/components/schemas/names"},
  "node": {"type": "string", "description": "who answers"},
  "leader": {"type": "string", "description": "empty: none is known"},
  "leader_api": {"type": "string"},
  "term": {"type": "integer"}, "commit_index": {"type": "integer"}, "applied_index": {"type": "integer"},
  "members": {"type": "array", "items": {"$ref": "#/components/schemas/member"}},
  "warnings": {"type": "array", "items": {"type": "string"}}}},
"member": {"type": "object", "properties": {
  "node": {"type": "string"}, "id": {"type": "string", "pattern": "^[0-9a-f]{16}$"},
  "role": {"$ref": "#/components/schemas/role"},
  "address": {"type": "string", "description": "HOST:PORT between nodes"},
  "leader": {"type": "boolean"},
  "lost_data": {"type": "boolean", "description": "its disk lacks what it acknowledged: remove it and join it anew"},
  "last_heard_ms": {"type": "integer", "description": "so long ago; this and the two below are known to the leader alone"},
  "match_index": {"type": "integer"}, "applied_index": {"type": "integer"}}},
"member-changed": {"type": "object", "properties": {
  "node": {"type": "string"}, "role": {"$ref": "#/components/schemas/role"}}},
"invite": {"type": "object", "properties": {
  "valid_for_s": {"type": "integer", "minimum": 1, "maximum": 604800, "default": 3600}}},
"invitation": {"type": "object", "properties": {
  "address": {"type": "string"}, "token": {"type": "string"}, "ca_hash": {"type": "string"},
  "command": {"type": "string", "description": "to run on the new node"}}},
"join": {"type": "object", "required": ["address", "token", "ca_hash"], "properties": {
  "address": {"type": "string", "description": "HOST:PORT of the API of any member"},
  "token": {"type": "string"}, "ca_hash": {"type": "string"},
  "role": {"$ref": "#/components/schemas/role"}}},
"joined": {"type": "object", "properties": {"node": {"type": "string"}}},
"admit": {"type": "object", "required": ["token", "node", "id", "address"], "properties": {
  "token": {"type": "string"}, "node": {"$ref": "#/components/schemas/name"},
  "id": {"type": "string", "pattern": "^[0-9a-f]{16}$"}, "address": {"type": "string"}}},
"admitted": {"type": "object", "properties": {
  "cluster_id": {"type": "string"}, "ca_certificate": {"type": "string"}, "ca_key": {"type": "string"}}},
"transfer": {"type": "object", "properties": {"node": {"$ref": "#/components/schemas/name"}}},
"transferred": {"type": "object", "properties": {"leader": {"type": "string"}}},
"recover": {"type": "object", "required": ["yes"], "properties": {"yes": {"const": true}}},
"restore": {"type": "object", "required": ["path"], "properties": {"path": {"type": "string"}}},
"snapshot": {"type": "object", "properties": {
  "format": {"const": "trivet-snapshot"}, "version": {"const": 1}, "cluster_id": {"type": "string"},
  "node": {"type": "string"}, "revision": {"$ref": "#/components/schemas/revision"},
  "saved_at": {"type": "string", "format": "date-time"},
  "rows": {"type": "object", "additionalProperties": {"type": "string"}},
  "sha256": {"type": "string", "description": "of rows as compact JSON with sorted keys"}}},
"object": {"type": "object"},
"problem": {"type": "object", "description": "RFC 9457",
  "required": ["type", "title", "status", "detail", "code"], "properties": {
  "type": {"const": "about:blank"}, "title": {"type": "string"}, "status": {"type": "integer"},
  "detail": {"type": "string"},
  "code": {"enum": ["invalid_argument", "unauthenticated", "not_allowed", "not_found", "conflict", "exhausted",
    "too_large", "insufficient_storage", "not_leader", "unavailable", "timeout", "corrupt", "internal",
    "method_not_allowed", "unsupported_media_type", "not_implemented"]},
  "field": {"type": "string", "description": "path of the field at fault, as ports[0].port"}}}
})json";

}  // namespace trivet::api
