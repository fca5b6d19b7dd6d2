#pragma once
/// The words that a client shares with the cluster: objects, their JSON, results. A client includes
/// this header and nothing of core/ by itself, so that what it may know of core is listed here.
#include "core/ip_address.hpp"
#include "core/label_selector.hpp"
#include "core/object_json.hpp"
#include "core/objects.hpp"
#include "core/result.hpp"
